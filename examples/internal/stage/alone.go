package stage

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/saga"
	"github.com/rs/zerolog"
)

// Solo is one participant without a broker.
type Solo struct {
	testing.TB
	Kind saga.Kind // of the steps; compensatable at first

	name        string
	path        string
	participant *participants.Participant
}

// Alone opens a participant, and closes it when the test ends.
func Alone(t testing.TB, p Participant) *Solo {
	t.Helper()
	db, err := p.open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	built, err := p.build(db, nil, nil, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	return &Solo{TB: t, Kind: saga.Compensatable, name: p.Name, path: db.Path(), participant: built}
}

// Does gives the command of an action, in the saga of that id, and checks the answer: the outcome,
// and the result or the code. In each saga there is one step.
func (s *Solo) Does(id, action, args, want string) {
	s.Helper()
	s.apply(saga.Command{SagaID: id, Direction: saga.Forward, Action: action, Body: []byte(args)}, want)
}

// Undoes undoes what was done in the saga of that id.
func (s *Solo) Undoes(id, action, args, want string) {
	s.Helper()
	s.apply(saga.Command{SagaID: id, Direction: saga.Backward, Known: saga.KnownUnknown, Action: action, Body: []byte(args)}, want)
}

func (s *Solo) apply(c saga.Command, want string) {
	s.Helper()
	c.Step, c.Kind, c.Attempt, c.Participant = "step", s.Kind, 1, s.name
	r, err := s.participant.Apply(s.Context(), c, "origin")
	if err != nil {
		s.Fatal(err)
	}
	said := r.Code
	if r.Outcome == saga.Succeeded {
		said = string(r.Body)
	}
	if got := fmt.Sprint(r.Outcome, " ", said); got != want {
		s.Errorf("%s of %s: %s (%s), want %s", c.Action, c.SagaID, got, r.Message, want)
	}
}

// Shows reads from the participant's database, as [Stage.Shows].
func (s *Solo) Shows(query, want string) {
	s.Helper()
	shows(s, s.path, query, want)
}

func shows(t testing.TB, path, query, want string) {
	t.Helper()
	got, err := read(path, query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if got != want {
		t.Errorf("%s: %s shows %q, want %q", filepath.Base(path), query, got, want)
	}
}

func read(path, query string) (string, error) {
	db, err := outbox.OpenReadOnly(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = db.Close() }() // it only reads
	rows, err := db.Queryx(query)
	if err != nil {
		return "", err
	}
	var lines []string
	for rows.Next() {
		values, err := rows.SliceScan()
		if err != nil {
			return "", err
		}
		lines = append(lines, line(values))
	}
	return strings.Join(lines, ", "), rows.Err()
}

func line(values []any) string {
	words := make([]string, len(values))
	for i, v := range values {
		if words[i] = fmt.Sprint(v); v == nil {
			words[i] = "-"
		}
	}
	return strings.Join(words, " ")
}
