package saga

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/girohq/giro/saga/internal/random"
)

// journey is a random walk of one saga, and what the walk must never break.
type journey struct {
	t      *rapid.T
	def    *Definition
	in     Instance
	out    map[string]bool    // operations that are out
	ops    map[string]Command // every operation ever sent, as it was first
	latest map[string]int     // their latest attempts
	timer  time.Time
	told   map[string][]string // what each child was told, in order
	parent []State             // what its own parent was told
	stood  map[string]bool     // children that stand
	over   map[string]bool     // children that have ended
	hand   bool                // a person has chosen steps: the bound of parallel runs does not count
}

// TestWalks walks through sagas with replies, timers, signals, children and wishes that may be
// nonsense, and holds every move against the rules.
func TestWalks(t *testing.T) {
	for _, kinds := range []string{"C", "CP", "CC", "RCP", "CPT", "CRPTRT"} {
		for attempts := 1; attempts <= 3; attempts += 2 {
			def := ofKinds(t, kinds, attempts)
			t.Run(fmt.Sprintf("%s-%d", kinds, attempts), func(t *testing.T) {
				rapid.Check(t, func(t *rapid.T) { walk(t, def) })
			})
		}
	}
}

// TestRandomWalks does the same with definitions that are drawn too.
func TestRandomWalks(t *testing.T) {
	times := 10
	if raceEnabled || testing.Short() {
		times = 2
	}
	for range times {
		rapid.Check(t, func(t *rapid.T) {
			draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "definition") }
			text := random.Definition("any", draw, random.Sagas{Whole: []string{"whole"}, Any: []string{"deal"}})
			t.Log(text)
			def, err := Parse("any.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			walk(t, def)
		})
	}
}

func walk(t *rapid.T, def *Definition) {
	draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "input") }
	j := &journey{t: t, def: def, out: map[string]bool{}, ops: map[string]Command{}, latest: map[string]int{}, told: map[string][]string{}, stood: map[string]bool{}, over: map[string]bool{}}
	start := Started{At: testStart, ID: "s", Input: json.RawMessage(random.Input(draw))}
	if rapid.Bool().Draw(t, "deadline") {
		start.Deadline = testStart.Add(time.Hour)
	}
	switch draw(6) {
	case 0:
		start.Start = testStart.Add(10 * time.Minute)
	case 1:
		start.Parent = &Parent{ID: "p", Step: "run", Depth: 1}
	}
	j.take(start)
	for range rapid.IntRange(1, 60).Draw(t, "length") {
		j.take(j.event())
	}
	j.checkSent()
}

// take moves the saga and checks the move.
func (j *journey) take(e Event) {
	before := encode(j.in)
	stored := decodeInstance(j.t, j.in)
	after, effects := Transition(j.def, j.in, e)
	j.t.Logf("%T %+v\n        %s\n        %s", e, e, tell(after), effectsOf(effects))
	if got := encode(j.in); got != before {
		j.t.Fatalf("the instance passed in was written to: %s", cmp.Diff(before, got))
	}
	j.checkReplay(stored, after, e, effects)
	j.checkTwice(after, e)
	j.checkMove(after, effects)
	j.checkChild(after, e)
	previous := j.in
	j.in = after
	for _, effect := range effects {
		j.carry(previous, effect)
	}
	j.checkOut(e)
}

// checkReplay: the same event on what was stored gives the same bytes and the same effects.
func (j *journey) checkReplay(stored, after Instance, e Event, effects []Effect) {
	again, effectsAgain := Transition(j.def, stored, e)
	if a, b := encode(after), encode(again); a != b {
		j.t.Fatalf("from the store it moves elsewhere: %s", cmp.Diff(a, b))
	}
	if diff := cmp.Diff(effects, effectsAgain); diff != "" {
		j.t.Fatalf("from the store it has other effects: %s", diff)
	}
}

// checkTwice: the same event again does nothing. A time to postpone by is the exception, and a retry
// of what cannot be said.
func (j *journey) checkTwice(after Instance, e Event) {
	switch e.(type) {
	case Postponed:
		return
	case Resumed:
		if after.State == Suspended {
			return
		}
	}
	twice, effects := Transition(j.def, after, e)
	if a, b := encode(after), encode(twice); a != b {
		j.t.Fatalf("%+v twice is not once: %s", e, cmp.Diff(a, b))
	}
	for _, effect := range effects {
		switch effect.(type) {
		case Unchanged, Refused:
		default:
			j.t.Fatalf("%+v twice has the effect %T", e, effect)
		}
	}
}

// checkMove: terminal absorbs, an ignored event leaves everything as it is, behind the pivot
// there is no way back.
func (j *journey) checkMove(after Instance, effects []Effect) {
	changed := encode(after) != encode(j.in)
	if changed != (after.Revision == j.in.Revision+1) {
		j.t.Fatalf("revision %d became %d, changed %v", j.in.Revision, after.Revision, changed)
	}
	if j.in.State.Terminal() && changed {
		j.t.Fatalf("%s became %s", j.in.State, after.State)
	}
	finishes := slices.ContainsFunc(effects, func(e Effect) bool { _, ok := e.(Finish); return ok })
	if finishes != (after.State.Terminal() && !j.in.State.Terminal()) {
		j.t.Fatalf("from %s to %s, and it says finish: %v", j.in.State, after.State, finishes)
	}
	m := move{def: j.def, Instance: after}
	if m.passed() && (after.State == Compensating || after.State == Compensated || after.Resume == Compensating) {
		j.t.Fatalf("the pivot stands, and the saga is %s", after.State)
	}
}

// checkChild notes which children stand.
func (j *journey) checkChild(after Instance, e Event) {
	if ended, ok := e.(ChildEnded); ok && after.Revision != j.in.Revision && ended.State.Terminal() {
		j.over[ended.Child] = true
	}
	if ended, ok := e.(ChildEnded); ok && after.Revision != j.in.Revision && j.told[ended.Child] != nil {
		j.stood[ended.Child] = ended.State == Running
	}
}

// carry does an effect, as the shell would.
func (j *journey) carry(before Instance, e Effect) {
	switch e := e.(type) {
	case Send:
		j.send(before, e.Command)
		if e.After < 0 || e.After > MaxRetryAfter || e.Timeout <= 0 {
			j.t.Fatalf("%+v", e)
		}
	case Release:
		delete(j.out, e.Op)
	case Extend:
		j.extend(e)
	case Arm:
		j.timer = e.At
	case StartChild:
		if j.told[e.ID] != nil {
			j.t.Fatalf("%s is started twice", e.ID)
		}
		j.told[e.ID] = []string{}
		j.begun(before, e.Parent.Step)
	case Tell:
		j.tell(e)
	}
}

// tell: a child is undone or settled, never both, each once, and what stands is never undone behind the pivot.
func (j *journey) tell(e Tell) {
	if e.Saga == "p" {
		j.parent = append(j.parent, e.Event.(ChildEnded).State)
		return
	}
	m := move{def: j.def, Instance: j.in}
	what := fmt.Sprintf("%T", e.Event)
	told := j.told[e.Saga]
	switch cancelled, undo := e.Event.(Cancelled); {
	case told == nil:
		j.t.Fatalf("%s is told %s before it began", e.Saga, what)
	case slices.Contains(told, what) && what != "saga.GivenUp": // which may come again, by force
		j.t.Fatalf("%s is told %s twice", e.Saga, what)
	case slices.Contains(told, "saga.Settled"), what == "saga.Settled" && slices.Contains(told, "saga.Cancelled") && !m.passed():
		j.t.Fatalf("%s is told %s after %v", e.Saga, what, told)
	case undo && m.passed():
		j.t.Fatalf("%s is undone behind the pivot: %+v", e.Saga, cancelled)
	}
	j.told[e.Saga] = append(told, what)
	if what != "saga.Cancelled" {
		delete(j.stood, e.Saga)
	}
}

// node finds the definition of a run, by its name alone.
func (j *journey) node(run string) *StepDefinition {
	id, _, _ := strings.Cut(run, "~")
	sd, ok := j.def.Step(id)
	if !ok {
		j.t.Fatalf("there is no step %s", run)
	}
	return sd
}

// runs are those of a step.
func (j *journey) runs(sd *StepDefinition) []Step {
	return slices.DeleteFunc(slices.Clone(j.in.Steps), func(s Step) bool { return j.node(s.ID).ID != sd.ID })
}

// begun: what a step comes after has settled, and a pivot waits for all that can be refused. A fresh run
// comes only after one without effect, and no run once something was undone.
func (j *journey) begun(before Instance, run string) {
	sd := j.node(run)
	for _, id := range sd.After {
		for _, s := range j.runs(j.node(id)) {
			turned := j.in.State == Compensating && s.State == StepCompensating // in the same move
			if s.State != StepSucceeded && s.State != StepSkipped && !turned {
				j.t.Fatalf("%s begins, and %s is %s", run, s.ID, s.State)
			}
		}
	}
	for i := range j.in.Steps {
		if s := &j.in.Steps[i]; sd.Kind == Pivot && j.node(s.ID).Kind == Compensatable && !s.settled() {
			j.t.Fatalf("the pivot %s begins, and %s is %s", run, s.ID, s.State)
		}
	}
	if sd.Kind == Retriable && !(&move{def: j.def, Instance: j.in}).passed() {
		j.t.Fatalf("%s begins before the pivot", run)
	}
	if strings.Contains(run, "~") {
		s, _ := before.Step(strings.Split(run, "~")[0])
		if s.State != StepRejected && s.State != StepFenced && (s.Participant != "" || s.Child != "") {
			j.t.Fatalf("%s begins, and the run before it is %s", run, s.State)
		}
	}
}

// undone: everything that came after the step, and can be undone, is.
func (j *journey) undone(run string) {
	sd := j.node(run)
	for i := range j.in.Steps {
		s := &j.in.Steps[i]
		after := j.node(s.ID)
		standing := s.State == StepSucceeded || s.State == StepUnknown || s.State == StepCompensating || s.State == StepFailed
		if after.Kind == Compensatable && standing && (s.Participant != "" || s.Child != "") && j.reaches(after, sd.ID) {
			j.t.Fatalf("%s is undone, and %s, which came after it, is %s", run, s.ID, s.State)
		}
	}
}

// reaches says whether sd comes after a step.
func (j *journey) reaches(sd *StepDefinition, id string) bool {
	return slices.ContainsFunc(sd.After, func(before string) bool { return before == id || j.reaches(j.node(before), id) })
}

// checkOut: out is what the steps say, a live saga waits for something, and a suspended one says why.
func (j *journey) checkOut(e Event) {
	m := move{def: j.def, Instance: j.in}
	m.locate()
	want, waits := map[string]bool{}, m.stands() || !j.timer.IsZero()
	running := map[int]int{}
	for i := range m.Steps {
		s := &m.Steps[i]
		if d := m.direction(s); d != "" && !m.State.Terminal() {
			want[Op(m.ID, s.RunID(), d)] = true
		}
		if s.childLives() && j.over[s.Child] && !m.State.Terminal() {
			j.t.Fatalf("%s waits for %s, which has ended", s.ID, s.Child)
		}
		waits = waits || s.childLives() || s.State == StepRunning && m.def.Steps[m.at[i]].Await != nil
		if s.State == StepRunning {
			running[m.at[i]]++
		}
		j.checkAwait(s, &m.def.Steps[m.at[i]])
	}
	if !maps.Equal(want, j.out) {
		j.t.Fatalf("the saga is %s, out is %v, and should be %v", tell(m.Instance), j.out, want)
	}
	if live := m.State == Running || m.State == Compensating; live && len(j.out) == 0 && !waits {
		j.t.Fatalf("the saga waits for nothing: %s", tell(m.Instance))
	}
	if m.State == Suspended && m.Resume != Abandoned && m.Trouble == nil || m.State != Suspended && m.Trouble != nil {
		j.t.Fatalf("the saga is %s, and the trouble is %+v", m.State, m.Trouble)
	}
	if m.Trouble != nil && m.Trouble.Step == "" || m.Trouble != nil && m.Trouble.Kind == "" {
		j.t.Fatalf("the trouble is %+v", m.Trouble)
	}
	if at := j.in.Timer(j.def); !at.Equal(j.timer) {
		j.t.Fatalf("the timer is %s, and was armed for %s", at, j.timer)
	}
	if m.State == Suspended && m.Resume == Abandoned && len(j.out) == 0 && !waits && m.Trouble == nil {
		j.t.Fatalf("it is being abandoned, and waits for nothing")
	}
	if _, hand := e.(Resumed); hand {
		j.hand = true
	}
	for n, runs := range running {
		if limit := m.def.Steps[n].Parallel; limit > 0 && runs > limit && !j.hand {
			j.t.Fatalf("%d runs of %s are out", runs, m.def.Steps[n].ID)
		}
	}
	j.checkParent()
	if m.State.Terminal() && len(j.stood) > 0 && slices.Contains(slices.Collect(maps.Values(j.stood)), true) && m.State != Compensated {
		j.t.Fatalf("the saga is %s, and %v still stand", m.State, j.stood)
	}
}

// checkParent: a parent is told of the end, once; or that its child stands, and then of nothing but another end.
func (j *journey) checkParent() {
	want := 0
	switch m := (&move{def: j.def, Instance: j.in}); {
	case m.Parent == nil:
	case m.stands():
		want = 1
	case m.State.Terminal() && m.State == Completed && !j.def.HasPivot():
		want = 1
	case m.State.Terminal():
		want = 1
		if len(j.parent) > 0 && j.parent[0] == Running {
			want = 2
		}
	default:
		return
	}
	if len(j.parent) != want {
		j.t.Fatalf("the saga is %s, and its parent was told %v", j.in.State, j.parent)
	}
}

// checkAwait: nobody waits for a signal that has come.
func (j *journey) checkAwait(s *Step, sd *StepDefinition) {
	if sd.Await == nil || s.State != StepRunning {
		return
	}
	if _, came := (&move{Instance: j.in}).signal(s.Key); came {
		j.t.Fatalf("%s waits for the signal %s, which has come", s.ID, s.Key)
	}
}
