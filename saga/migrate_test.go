package saga

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func parsed(t *testing.T, version int, steps string) *Definition {
	t.Helper()
	def, err := Parse("m.yaml", []byte("saga: m\nversion: "+string(rune('0'+version))+"\nsteps:\n"+steps))
	if err != nil {
		t.Fatal(err)
	}
	return def
}

const (
	mBook = "  - {id: book, participant: P, action: book, args: {n: 1}, undo: cancel}\n"
	mSeat = "  - {id: seat, participant: P, action: seat, undo: leave}\n"
	mPay  = "  - {id: pay, kind: pivot, participant: Q, action: pay}\n"
	mTell = "  - {id: tell, kind: retriable, participant: Q, action: tell}\n"
)

// TestMigrate moves an instance where what it has begun is the same, and says why not elsewhere.
func TestMigrate(t *testing.T) {
	const booked, seated, paid = "start; book forward succeeded", "start; book forward succeeded; seat forward succeeded", "start; book forward succeeded; seat forward succeeded; pay forward succeeded"
	old := mBook + mSeat + mPay + mTell
	for name, tt := range map[string]struct{ old, now, path, reason string }{
		"nothing changed":             {old, old, booked, ""},
		"a retry policy":              {old, strings.Replace(old, "undo: cancel", "undo: {action: cancel, timeout: 9s}, timeout: 3s, retry: {attempts: 9}", 1), booked, ""},
		"pending changes":             {old, mBook + mSeat + strings.Replace(mPay, "participant: Q", "participant: R", 1) + mTell, booked, ""},
		"pending is removed":          {old, mBook + mSeat + mPay, booked, ""},
		"pending is added":            {old, old + "  - {id: more, kind: retriable, participant: R, action: more}\n", paid, ""},
		"begun is removed":            {old, mBook + mPay + mTell, seated, "step seat has begun, and is not in version 2"},
		"begun has other arguments":   {old, strings.Replace(old, "n: 1", "n: 2", 1), booked, "step book has begun, and its arguments is another in version 2"},
		"begun has another undo":      {old, strings.Replace(old, "undo: cancel", "undo: drop", 1), booked, "step book has begun, and its undo is another in version 2"},
		"begun goes elsewhere":        {old, strings.Replace(old, "participant: P, action: book", "participant: R, action: book", 1), booked, "step book has begun, and its participant is another in version 2"},
		"another pivot, not sent yet": {old, mBook + mSeat + strings.Replace(mPay, "id: pay", "id: charge", 1) + mTell, booked, ""},
		"another pivot, past it":      {old, mBook + mSeat + strings.Replace(mPay, "id: pay", "id: charge", 1) + mTell, paid, "step pay has begun, and is not in version 2"},
		"the pivot becomes another":   {old, mBook + mSeat + strings.Replace(mPay, "kind: pivot", "kind: compensatable, undo: repay", 1) + strings.Replace(mTell, "retriable", "pivot", 1), paid, "step pay has begun, and is compensatable in version 2"},
		"added before what has begun": {old, "  - {id: first, participant: R, action: first, undo: last}\n" + old, booked, "step book has begun, and in version 2 it comes after first, which has not"},
		"the order turns round":       {old, mSeat + mBook + mPay + mTell, seated, "step seat has begun, and in version 2 it does not come after book"},
		"side by side":                {old, mBook + strings.Replace(mSeat, "id: seat", "id: seat, after: []", 1) + strings.Replace(mPay, "kind: pivot", "after: [book, seat], kind: pivot", 1) + mTell, seated, "step seat has begun, and in version 2 it does not come after book"},
		"it turns back":               {old, mBook + mSeat + mPay, booked + "; cancel", ""},
		"it has ended":                {old, old, "start; book forward rejected", "it has ended"},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := parsed(t, 1, tt.old), parsed(t, 2, tt.now)
			in := along(t, from, tt.path)
			next, _, reason := Migrate(from, to, in, testStart.Add(time.Hour))
			if name == "the order turns round" && reason == "step book has begun, and in version 2 it comes after seat" {
				reason = tt.reason // whichever is looked at first
			}
			if reason != tt.reason {
				t.Fatalf("%q, want %q", reason, tt.reason)
			}
			if reason != "" {
				if next.Version != 0 && next.Version != 1 || next.Revision != in.Revision {
					t.Errorf("it was refused, and moved: %+v", next)
				}
				return
			}
			if next.Version != 2 || next.Digest != to.Digest() || next.Revision != in.Revision+1 || len(next.Steps) != len(to.Steps) {
				t.Errorf("%+v", next)
			}
			for _, s := range in.Steps {
				if moved, ok := next.Step(s.ID); s.State != StepPending && (!ok || !cmp.Equal(*moved, s)) {
					t.Errorf("step %s became %+v", s.ID, moved)
				}
			}
		})
	}
}

// TestMigratedGoesOn: what can begin in the new version does, with its commands; what was out stays out.
func TestMigratedGoesOn(t *testing.T) {
	from := parsed(t, 1, mBook+mPay)
	to := parsed(t, 2, mBook+"  - {id: note, after: [], kind: read, participant: R, action: note}\n"+strings.Replace(mPay, "kind: pivot", "after: [book, note], kind: pivot", 1))
	in := along(t, from, "start")
	next, effects, reason := Migrate(from, to, in, testStart.Add(time.Hour))
	if reason != "" || effectsOf(effects) != "send note/forward#1" {
		t.Fatalf("%q %s", reason, effectsOf(effects))
	}
	if c := effects[0].(Send).Command; c.Revision != next.Revision {
		t.Errorf("sent with revision %d, the saga has %d", c.Revision, next.Revision)
	}
	for _, event := range []string{"book forward succeeded", "note forward succeeded", "pay forward succeeded"} {
		next, _ = Transition(to, next, eventNamed(t, to, next, event))
	}
	if next.State != Completed {
		t.Errorf("%s", tell(next))
	}
}

// TestMigrateMendsAStepThatCouldNotBeSaid: it was never sent, so it may be another in the new version, and
// a retry begins it there.
func TestMigrateMendsAStepThatCouldNotBeSaid(t *testing.T) {
	from := parsed(t, 1, mBook+mPay+strings.Replace(mTell, "action: tell", "action: tell, args: {n: \"${results.book.none.at.all + 1}\"}", 1))
	to := parsed(t, 2, mBook+mPay+mTell)
	in := along(t, from, "start; book forward succeeded; pay forward succeeded")
	if in.State != Suspended {
		t.Fatalf("%s", tell(in))
	}
	next, _, reason := Migrate(from, to, in, testStart.Add(time.Hour))
	if reason != "" || next.State != Suspended {
		t.Fatalf("%q %s", reason, tell(next))
	}
	next, effects := Transition(to, next, eventNamed(t, to, next, "resume"))
	if next.State != Running || effectsOf(effects) != "send tell/forward#1" {
		t.Errorf("%s: %s", tell(next), effectsOf(effects))
	}
}

func TestMigrateARunOverAList(t *testing.T) {
	each := "  - {id: pay, each: \"${[1, 2, 3]}\", parallel: 1, participant: P, action: pay, key: \"k${item}\", undo: repay}\n"
	from := parsed(t, 1, each)
	in := along(t, from, "start")
	next, _, reason := Migrate(from, parsed(t, 2, strings.Replace(each, "parallel: 1", "parallel: 3", 1)), in, testStart.Add(time.Hour))
	if reason != "" || len(next.Steps) != 3 || next.Steps[2].State != StepRunning {
		t.Errorf("%q %s", reason, tell(next))
	}
	for change, to := range map[string]string{"list": strings.Replace(each, "1, 2, 3", "1, 2", 1), "key": strings.Replace(each, "k$", "l$", 1)} {
		if _, _, reason := Migrate(from, parsed(t, 2, to), in, testStart); !strings.Contains(reason, "its "+change+" is another") {
			t.Errorf("%s: %q", change, reason)
		}
	}
}

func TestChanges(t *testing.T) {
	hold := "  - {id: hold, participant: P, try: reserve, confirm: capture, cancel: release}\n"
	from := parsed(t, 1, mBook+mSeat+hold)
	to, err := Parse("m.yaml", []byte("saga: m\nversion: 2\ndescription: better\ndeadline: 3d\ninput: {type: object}\nsteps:\n"+
		strings.Replace(mBook, "undo: cancel", "undo: drop, timeout: 9s", 1)+strings.Replace(strings.Replace(hold, "release", "free", 1), "id: hold", "id: hold, after: []", 1)+
		strings.Replace(mPay, "kind: pivot", "after: [book, hold], kind: retriable", 1)+"output: {a: 1}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"the deadline was none, it is 72h0m0s", "the description has changed", "the input schema has changed", "the output has changed",
		"step seat is removed",
		"step book: its undo has changed", "step book: its timeout has changed",
		"step hold: it came after seat, it comes after nothing", "step hold: its cancel has changed",
		"step pay is added",
	}
	if diff := cmp.Diff(want, Changes(from, to)); diff != "" {
		t.Error(diff)
	}
	if c := Changes(from, from); len(c) != 0 {
		t.Errorf("%v", c)
	}
}

func TestChildrenFirst(t *testing.T) {
	def := func(name string, children ...string) *Definition {
		d := &Definition{Name: name}
		for _, c := range children {
			d.Steps = append(d.Steps, StepDefinition{Run: &RunDefinition{Saga: c}})
		}
		return d
	}
	var got []string
	for _, d := range ChildrenFirst([]*Definition{def("a", "b", "a"), def("b", "c", "elsewhere"), def("d"), def("c", "b")}) {
		got = append(got, d.Name)
	}
	if strings.Join(got, " ") != "c b a d" {
		t.Errorf("%v", got)
	}
}
