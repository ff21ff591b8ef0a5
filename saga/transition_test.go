package saga

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// tour has a step of every kind, and a read on each side of the pivot. A step is allowed two
// attempts; a retry with the code "closed" ends them.
const tour = `
saga: tour
version: 1
steps:
  - {id: hotel, participant: hotels, action: book, undo: {action: cancel, timeout: 4s, retry: {attempts: 2, backoff: 1s, not: [closed]}}, timeout: 5s, retry: {attempts: 2, backoff: 1s, not: [closed]}}
  - {id: seats, kind: read, participant: planes, action: look, timeout: 5s, retry: {attempts: 2, backoff: 1s, not: [closed]}}
  - {id: pay, kind: pivot, participant: cards, action: charge, timeout: 5s, retry: {attempts: 2, backoff: 1s, not: [closed]}}
  - {id: map, kind: read, participant: maps, action: draw, timeout: 5s, retry: {attempts: 2, backoff: 1s, not: [closed]}}
  - {id: ticket, kind: retriable, participant: desk, action: print, timeout: 5s, retry: {attempts: 2, backoff: 1s, not: [closed]}}
`

// situations are the places a saga can be in, each by the events that lead there and the step
// that the events of the table are then about. An event is written as in eventNamed.
var situations = []struct{ name, step, path string }{
	{"not started", "hotel", ""},
	{"compensatable out", "hotel", "start"},
	{"compensatable out, last attempt", "hotel", "start; hotel timeout"},
	{"compensatable in conflict", "hotel", "start; hotel forward conflict"},
	{"read before the pivot in conflict", "seats", "start; hotel forward succeeded; seats forward conflict"},
	{"read before the pivot out, last attempt", "seats", "start; hotel forward succeeded; seats timeout"},
	{"pivot out", "pay", "start; hotel forward succeeded; seats forward succeeded"},
	{"pivot out, cancel remembered", "pay", "start; hotel forward succeeded; seats forward succeeded; cancel"},
	{"pivot in conflict", "pay", "start; hotel forward succeeded; seats forward succeeded; pay forward conflict"},
	{"pivot inquired", "pay", "start; hotel forward succeeded; seats forward succeeded; pay timeout; pay timeout"},
	{"pivot inquired, deadline remembered", "pay", "start; hotel forward succeeded; seats forward succeeded; deadline; pay timeout; pay timeout"},
	{"pivot inquired, in conflict", "pay", "start; hotel forward succeeded; seats forward succeeded; pay timeout; pay timeout; pay inquire conflict"},
	{"read behind the pivot out, last attempt", "map", "start; hotel forward succeeded; seats forward succeeded; pay forward succeeded; map timeout"},
	{"retriable out", "ticket", "start; hotel forward succeeded; seats forward succeeded; pay forward succeeded; map forward succeeded"},
	{"retriable out, one retry asked for", "ticket", "start; hotel forward succeeded; seats forward succeeded; pay forward succeeded; map forward succeeded; ticket forward retry"},
	{"retriable exhausted", "ticket", "start; hotel forward succeeded; seats forward succeeded; pay forward succeeded; map forward succeeded; ticket forward retry; ticket forward retry"},
	{"retriable refused", "ticket", "start; hotel forward succeeded; seats forward succeeded; pay forward succeeded; map forward succeeded; ticket forward rejected"},
	{"retriable on a fresh run", "ticket~1", "start; hotel forward succeeded; seats forward succeeded; pay forward succeeded; map forward succeeded; ticket forward rejected; resume"},
	{"undo of a success out", "hotel", "start; hotel forward succeeded; cancel"},
	{"undo of an unknown out", "hotel", "start; hotel timeout; hotel timeout"},
	{"undo out, one retry asked for", "hotel", "start; hotel forward succeeded; cancel; hotel backward retry"},
	{"undo of a success exhausted", "hotel", "start; hotel forward succeeded; cancel; hotel backward retry; hotel backward retry"},
	{"undo of an unknown in conflict", "hotel", "start; cancel; hotel backward conflict"},
	{"completed", "ticket", "start; hotel forward succeeded; seats forward succeeded; pay forward succeeded; map forward succeeded; ticket forward succeeded"},
	{"compensated", "hotel", "start; cancel; hotel backward succeeded"},
}

// cells are the events that meet every situation, about its step.
var cells = []string{
	"start",
	"forward succeeded", "forward rejected", "forward fenced", "forward conflict",
	"forward retry", "forward retry old", "forward retry closed", "forward succeeded old", "forward gibberish",
	"inquire succeeded", "inquire rejected", "inquire fenced", "inquire conflict", "inquire retry", "inquire retry old",
	"backward succeeded", "backward rejected", "backward fenced", "backward conflict",
	"backward retry", "backward retry old", "backward retry closed", "backward succeeded old",
	"close succeeded", "close fenced", "sideways fenced",
	"forward succeeded stranger", "forward succeeded nowhere",
	"timeout", "timeout old", "timeout nowhere",
	"deadline", "cancel", "resume",
}

// TestTransitions prints every cell of the state machine, also those in which nothing may
// happen: saga state and step situation by event.
func TestTransitions(t *testing.T) {
	def := tourDefinition(t)
	var b strings.Builder
	for _, s := range situations {
		in := along(t, def, s.path)
		fmt.Fprintf(&b, "%s\n    %s\n", strings.ToUpper(s.name[:1])+s.name[1:], tell(in))
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, cell := range cells {
			event := eventNamed(t, def, in, s.step+" "+cell)
			after, effects := Transition(def, in, event)
			fmt.Fprintf(w, "  %s\t%s\t%s\n", cell, difference(in, after), effectsOf(effects))
		}
		w.Flush()
		b.WriteString("\n")
	}
	checkGolden(t, "transitions.golden", trimLines(b.String()))
}

func tourDefinition(t testing.TB) *Definition {
	t.Helper()
	def, err := Parse("tour.yaml", []byte(tour))
	if err != nil {
		t.Fatal(err)
	}
	return def
}

// along leads a new saga through events, each of which must move it.
func along(t *testing.T, def *Definition, path string) Instance {
	t.Helper()
	var in Instance
	for name := range strings.SplitSeq(path, "; ") {
		if name == "" {
			continue
		}
		next, effects := Transition(def, in, eventNamed(t, def, in, name))
		if next.Revision != in.Revision+1 {
			t.Fatalf("%s: %q does not move the saga: %+v", path, name, effects)
		}
		in = next
	}
	return in
}

// eventNamed makes an event from "[step] what [outcome] [how]". How: old (of the attempt before),
// closed (a code that ends the attempts), stranger (from another participant), nowhere (of a step
// that does not exist).
func eventNamed(t *testing.T, def *Definition, in Instance, name string) Event {
	t.Helper()
	at := testStart.Add(time.Minute)
	words := strings.Fields(name)
	what := words[min(1, len(words)-1):]
	if e := featureEvent(def, in, words[0], what); e != nil {
		return e
	}
	switch what[0] {
	case "start":
		return Started{At: at, ID: "s", Input: json.RawMessage(`{}`), Deadline: at.Add(time.Hour)}
	case "deadline":
		return Woke{At: at.Add(time.Hour)}
	case "cancel":
		return Cancelled{At: at, Reason: "changed my mind"}
	case "resume":
		return Resumed{At: at, Reason: "look again"}
	case "timeout":
		e := timeoutOf(def, in)
		if e.Step == "" {
			e.Step, e.Direction, e.Attempt = words[0], Forward, 1
		}
		e.At = at
		e.Step, _, e.Attempt = altered(what[1:], e.Step, "", e.Attempt)
		return e
	}
	return Replied{At: at, Reply: replyNamed(in, words[0], Direction(what[0]), Outcome(what[1]), what[2:])}
}

func replyNamed(in Instance, run string, d Direction, o Outcome, how []string) Reply {
	r := Reply{SagaID: "s", Step: run, Direction: d, Outcome: o}
	id, _, _ := strings.Cut(run, "~")
	if s, ok := in.Step(id); ok {
		r.Participant, r.Attempt = s.Participant, s.attempt(d)
	}
	switch {
	case o == Succeeded:
		r.Body = json.RawMessage(`{"ok":true}`)
	case slices.Contains(how, "closed"):
		r.Code = "closed"
	case o == Rejected || o == Retried:
		r.Code = "full"
	}
	r.Step, r.Participant, r.Attempt = altered(how, r.Step, r.Participant, r.Attempt)
	return r
}

func altered(how []string, step, participant string, attempt int) (string, string, int) {
	switch {
	case slices.Contains(how, "old"):
		attempt--
	case slices.Contains(how, "stranger"):
		participant = "stranger"
	case slices.Contains(how, "nowhere"):
		step = "nowhere"
	}
	return step, participant, attempt
}

// tell says where a saga stands.
func tell(in Instance) string {
	if in.State == "" {
		return "(nothing)"
	}
	parts := []string{string(in.State)}
	for i := range in.Steps {
		parts = append(parts, in.Steps[i].ID+"="+tellStep(in.Steps[i]))
	}
	return strings.Join(append(parts, tellCauses(in)...), " ")
}

func tellStep(s Step) string {
	state := string(s.State)
	if s.Run > 0 {
		state = fmt.Sprintf("%s(run %d)", state, s.Run)
	}
	return state
}

func tellCauses(in Instance) []string {
	var parts []string
	for _, c := range []struct {
		name  string
		cause *Cause
	}{{"cause", in.Cause}, {"trouble", in.Trouble}, {"remembered", in.Remembered}} {
		if c.cause != nil {
			parts = append(parts, fmt.Sprintf("%s:%s", c.name, c.cause.Kind))
		}
	}
	return parts
}

// difference says what an event has made of a saga: its state, and the steps and causes that changed.
func difference(before, after Instance) string {
	if after.Revision == before.Revision {
		return "."
	}
	parts := []string{string(after.State)}
	for i, s := range after.Steps {
		if i >= len(before.Steps) || tellStep(before.Steps[i]) != tellStep(s) {
			parts = append(parts, s.ID+"="+tellStep(s))
		}
	}
	old := tellCauses(before)
	for _, c := range tellCauses(after) {
		if !slices.Contains(old, c) {
			parts = append(parts, c)
		}
	}
	return strings.Join(parts, " ")
}

func effectsOf(effects []Effect) string {
	parts := make([]string, len(effects))
	for i, e := range effects {
		parts[i] = tellEffect(e)
	}
	return strings.Join(parts, "; ")
}

func tellEffect(e Effect) string {
	switch e := e.(type) {
	case Send:
		c := e.Command
		s := fmt.Sprintf("send %s/%s#%d", c.Step, c.Direction, c.Attempt)
		if c.Known != "" {
			s += " known " + string(c.Known)
		}
		if e.After > 0 {
			s += " after " + e.After.Round(time.Millisecond).String()
		}
		return s
	case Release:
		return "release " + strings.TrimPrefix(e.Op, "s/")
	case Extend:
		return "extend " + strings.TrimPrefix(e.Op, "s/")
	case Arm:
		if e.At.IsZero() {
			return "disarm"
		}
		return "arm +" + e.At.Sub(testStart.Add(time.Minute)).String()
	case StartChild:
		return "start child " + e.Type
	case Tell:
		return fmt.Sprintf("tell %.9s %T", e.Saga, e.Event)
	case Emit:
		return "emit " + e.Event
	case Finish:
		return "finish"
	case Unchanged:
		return e.Reason
	case Refused:
		return "refused: " + e.Reason
	case Noted:
		return "note " + e.Note
	}
	return fmt.Sprintf("%T", e)
}

func trimLines(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

// A step that cannot be said was never sent: before the pivot it is refused, behind it, it waits
// for a person, whose retry tries to say it again.
func TestUnsayable(t *testing.T) {
	const args = "args: {room: \"${results.hotel.room}\"}"
	for _, c := range []struct{ name, step, want string }{
		{"compensatable", "{id: seat, participant: planes, action: book, undo: cancel, " + args + "}", "compensating hotel=compensating seat=rejected cause:rejected"},
		{"pivot", "{id: seat, kind: pivot, participant: planes, action: book, " + args + "}", "compensating hotel=compensating seat=rejected cause:rejected"},
		{"retriable", "{id: pay, kind: pivot, participant: cards, action: charge}\n  - {id: seat, kind: retriable, participant: planes, action: book, " + args + "}", "suspended seat=failed trouble:conflict"},
	} {
		t.Run(c.name, func(t *testing.T) {
			def, err := Parse("a.yaml", []byte("saga: a\nversion: 1\nsteps:\n  - {id: hotel, participant: hotels, action: book, undo: cancel}\n  - "+c.step))
			if err != nil {
				t.Fatal(err)
			}
			in := along(t, def, "start")
			if c.name == "retriable" {
				in = along(t, def, "start; hotel forward succeeded")
			}
			step := in.Steps[len(def.Steps)-2].ID
			after, effects := Transition(def, in, eventNamed(t, def, in, step+" forward succeeded"))
			if got := strings.Replace(difference(in, after), step+"=succeeded ", "", 1); got != c.want {
				t.Errorf("it went to %s, want %s; %s", got, c.want, effectsOf(effects))
			}
			if strings.Contains(effectsOf(effects), "send seat") {
				t.Errorf("it was sent: %s", effectsOf(effects))
			}
			if c.name != "retriable" {
				return
			}
			again, effects := Transition(def, after, Resumed{At: testStart, Reason: "look again"})
			if again.State != Suspended || again.Trouble.Code != "expression_failed" || again.Steps[2].Attempts != 0 {
				t.Errorf("a person's retry: %s %s", tell(again), effectsOf(effects))
			}
		})
	}
}

// A saga that the shell sets aside, because its row could not be read for a while, goes on where
// it was: by a late answer, or by a person's retry with the next attempt.
func TestSetAside(t *testing.T) {
	def := tourDefinition(t)
	for _, s := range situations {
		in := along(t, def, s.path)
		if in.State != Running && in.State != Compensating {
			continue
		}
		aside := in.clone()
		aside.State = Suspended
		out := timeoutOf(def, in)
		t.Run(s.name, func(t *testing.T) {
			resumed, effects := Transition(def, aside, Resumed{At: testStart, Reason: "it can be read again"})
			want := fmt.Sprintf("send %s/%s#%d", out.Step, out.Direction, out.Attempt+1)
			if resumed.State != in.State || !strings.HasPrefix(effectsOf(effects), want) || strings.Count(effectsOf(effects), "send ") != 1 {
				t.Errorf("a person's retry: %s; %s, want %s", tell(resumed), effectsOf(effects), want)
			}
			for _, cell := range []string{"succeeded", "rejected", "fenced"} {
				answer := eventNamed(t, def, in, out.Step+" "+string(out.Direction)+" "+cell)
				before, _ := Transition(def, in, answer)
				after, effects := Transition(def, aside, answer)
				if ignored := after.State == Suspended && before.State == Suspended; !ignored && tell(after) != tell(before) {
					t.Errorf("%s: %s instead of %s; %s", cell, tell(after), tell(before), effectsOf(effects))
				}
			}
		})
	}
}

// TestDiagram holds the list of moves beneath the diagram in transition.go against what the model
// checker has seen the code do.
func TestDiagram(t *testing.T) {
	edges := map[[2]State]bool{}
	for _, kinds := range []string{"C", "P", "CP", "CPT", "CRP", "PR"} {
		m := newModel(ofKinds(t, kinds, 1), 1)
		m.conflicts, m.breach, m.wishes, m.force = true, true, len(kinds) == 1, len(kinds) == 1
		if _, err := m.explore(); err != nil {
			t.Fatal(err)
		}
		for e := range m.edges {
			edges[e] = true
		}
	}
	source, err := os.ReadFile("transition.go")
	if err != nil {
		t.Fatal(err)
	}
	if drawn := diagram(edges); !strings.Contains(string(source), drawn) {
		t.Errorf("transition.go should list these moves:\n%s", drawn)
	}
}

// diagram prints the moves between states, one line for each state.
func diagram(edges map[[2]State]bool) string {
	var b strings.Builder
	order := []State{Running, Compensating, Suspended, Completed, Compensated, Abandoned}
	for _, from := range order {
		var to []string
		for _, s := range order {
			if edges[[2]State{from, s}] {
				to = append(to, string(s))
			}
		}
		if len(to) > 0 {
			fmt.Fprintf(&b, "//\t%-12s  ->  %s\n", from, strings.Join(to, ", "))
		}
	}
	return b.String()
}
