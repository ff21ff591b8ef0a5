package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/girohq/giro/internal/witness"
	"github.com/girohq/giro/saga"
)

// told is all that clients were told of one saga, in a form that does not grow with the answers. What one
// client was told counts for whoever asks after that.
type told struct {
	known    time.Time // when somebody first knew that it exists
	ended    time.Time // when somebody first knew how it has ended
	state    saga.State
	other    saga.State // another end that somebody was told, "" if nobody was
	absent   time.Time  // when it was last asked for by somebody who was told that it is not there
	going    time.Time  // the same of somebody who was told that it has not ended
	accepted []content  // of the starts that were accepted
	refused  []content  // of the starts that were told of a conflict
	judged   bool
}

// content is the digest of what a start asked for: the type and the canonical input. It has as many bytes as are
// kept of an archived saga.
type content [16]byte

func contentOf(typ string, input []byte) (content, error) {
	sum, err := saga.Fingerprint(typ, input)
	return content(sum[:len(content{})]), err
}

// readClients reads the logs of what clients were told, in whatever order they come.
func (a *auditor) readClients(ctx context.Context, paths []string) error {
	for _, path := range paths {
		err := witness.Read(path, func(line witness.Line) error {
			a.answers++
			t := a.told[line.Saga]
			if t == nil {
				t = &told{}
				a.told[line.Saga] = t
			}
			return errors.Join(t.add(line), ctx.Err())
		})
		if err != nil {
			return fmt.Errorf("audit: client log: %w", err)
		}
	}
	return nil
}

func (t *told) add(line witness.Line) error {
	switch line.Answer {
	case witness.Accepted, witness.State:
		t.exists(line)
	case witness.NotFound:
		t.absent = later(t.absent, line.Asked)
	}
	if line.Op != witness.OpStart || line.Answer != witness.Accepted && line.Answer != witness.Conflict {
		return nil
	}
	c, err := contentOf(line.Type, line.Input)
	if err != nil {
		return fmt.Errorf("input of saga %s: %w", line.Saga, err)
	}
	list := &t.accepted
	if line.Answer == witness.Conflict {
		list = &t.refused
	}
	if !slices.Contains(*list, c) {
		*list = append(*list, c)
	}
	return nil
}

// exists takes an answer that shows the saga.
func (t *told) exists(line witness.Line) {
	t.known = earlier(t.known, line.Told)
	switch {
	case !line.State.Terminal():
		t.going = later(t.going, line.Asked)
	case t.ended.IsZero():
		t.ended, t.state = line.Told, line.State
	case line.State != t.state:
		t.other = line.State
	default:
		t.ended = earlier(t.ended, line.Told)
	}
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// judgeTold compares what clients were told of a saga of the snapshot with what it is. An answer may be
// younger than the snapshot; then the orchestrator is asked again, as it is now.
func (a *auditor) judgeTold(ctx context.Context, s *sagaRow) error {
	t := a.told[s.id]
	if t == nil {
		return nil
	}
	t.judged = true
	a.judgeAnswers(s.id, t)
	a.judgeContents(s.id, t, s.content)
	if t.state == "" || t.state == s.state {
		return nil
	}
	now := s.state
	if !s.state.Terminal() {
		var err error
		if now, err = a.stateNow(ctx, s.id); err != nil {
			return err
		}
	}
	if now != t.state {
		a.found.add("I12", s.id, "a client was told at %s that it is %s; it is %s", instant(t.ended), t.state, now)
	}
	return nil
}

// judgeAnswers compares the answers with each other.
func (a *auditor) judgeAnswers(id string, t *told) {
	switch {
	case t.other != "":
		a.found.add("I12", id, "clients were told that it is %s, and that it is %s", t.state, t.other)
	case !t.ended.IsZero() && t.going.After(t.ended):
		a.found.add("I12", id, "it was %s by %s; who asked at %s was told that it was under way", t.state, instant(t.ended), instant(t.going))
	}
	if !t.known.IsZero() && t.absent.After(t.known) {
		a.found.add("I12", id, "it was there by %s; who asked at %s was told that it was not", instant(t.known), instant(t.absent))
	}
}

// judgeContents holds one id to one saga, the one that is stored.
func (a *auditor) judgeContents(id string, t *told, stored *content) {
	if stored == nil {
		return // told as unreadable
	}
	for _, c := range t.accepted {
		if c != *stored {
			a.found.add("I10", id, "a start was accepted with another type or input than is stored")
		}
	}
	if slices.Contains(t.refused, *stored) {
		a.found.add("I10", id, "a start with the type and input that are stored was told of a conflict")
	}
}

// judgeUnmet judges what clients know of sagas that are not in the snapshot.
func (a *auditor) judgeUnmet(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(a.told)) {
		t := a.told[id]
		if t.judged {
			continue
		}
		a.judgeAnswers(id, t)
		if t.known.IsZero() {
			continue
		}
		now, err := a.stateNow(ctx, id)
		switch {
		case err != nil:
			return err
		case now == "":
			a.found.add("I1", id, "a client was told at %s that it is accepted, and it does not exist", instant(t.known))
		case t.state != "" && now != t.state:
			a.found.add("I12", id, "a client was told at %s that it is %s; it is %s", instant(t.ended), t.state, now)
		}
	}
	return nil
}

// stateNow is the state of a saga outside of the snapshot; "": there is none.
func (a *auditor) stateNow(ctx context.Context, id string) (state saga.State, err error) {
	query := `SELECT state FROM sagas WHERE id = ?1`
	if a.archives {
		query += ` UNION ALL SELECT state FROM archived WHERE id = ?1`
	}
	err = a.sagas.db.GetContext(ctx, &state, query, id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("audit: look for saga %s: %w", id, err)
	}
	return state, nil
}

func instant(t time.Time) string { return t.UTC().Format("15:04:05.000") }
