package orchestrator_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
)

// scheduled is a rig in virtual time, with a saga to start.
func scheduled(t *testing.T) (*rig, *virtualClock) {
	clock := &virtualClock{now: time.Date(2026, 11, 25, 5, 0, 0, 0, time.UTC), jumped: make(chan struct{})}
	r := newRig(t).runningAt(clock)
	r.apply(`{"saga":"bill","input":{"type":"object","required":["at"]},"steps":[{"id":"pay","participant":"P","action":"pay"}]}`)
	return r, clock
}

func (r *rig) schedule(verb, body string) (s wire.Schedule) {
	r.Helper()
	answer, problem := r.request("schedules."+verb, body)
	if problem != nil {
		r.Fatalf("%s %s: %v", verb, body, problem)
	}
	r.must(json.Unmarshal(answer, &s))
	return s
}

// ids are the sagas there are, oldest first.
func (r *rig) ids() string {
	r.Helper()
	var ids []string
	r.must(r.db.Read().Select(&ids, `SELECT id FROM sagas ORDER BY seq`))
	return strings.Join(ids, " ")
}

// ticked waits until a schedule's next tick is at that time.
func (r *rig) ticked(name, next string) wire.Schedule {
	r.Helper()
	var s wire.Schedule
	r.eventually(name+" ticks next at "+next, func() bool {
		s = r.schedule("get", fmt.Sprintf(`{"name":%q}`, name))
		return s.Next != nil && s.Next.Format(time.RFC3339) == next
	})
	return s
}

const daily = "schedule: daily\nsaga: bill\ncron: '0 6 * * *'\nzone: Europe/Prague\ninput: {at: '${schedule.time}'}\n"

// TestSchedule starts a saga at each tick, once, over restarts and whatever the clock does.
func TestSchedule(t *testing.T) {
	r, clock := scheduled(t)
	clock.set(-time.Hour)
	if s := r.schedule("apply", daily); !s.Created || s.Next == nil || !s.Next.Equal(time.Date(2026, 11, 25, 5, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", s)
	}
	if s := r.schedule("apply", daily); s.Created || s.Changed {
		t.Errorf("%+v", s)
	}
	r.jump(clock, 59*time.Minute)
	r.jump(clock, time.Minute)
	s := r.ticked("daily", "2026-11-26T05:00:00Z")
	if s.Starts != 1 || s.LastSaga != "daily-20261125T050000Z" || r.ids() != s.LastSaga || s.Problem != "" {
		t.Errorf("%+v, sagas %s", s, r.ids())
	}
	pay := r.hears("daily-20261125T050000Z/pay/forward", 1)
	if doc := r.get(s.LastSaga); string(doc.Input) != `{"at":"2026-11-25T05:00:00Z"}` || pay.Header.Get("Saga-Type") != "bill" {
		t.Errorf("%s", doc.Input)
	}
	r.jump(clock, -3*time.Hour) // the clock is set back: nothing ticks twice
	r.jump(clock, 3*time.Hour)
	r.halt()
	clock.set(24 * time.Hour)
	r.runningAt(clock)
	r.ticked("daily", "2026-11-27T05:00:00Z")
	if got := r.ids(); got != "daily-20261125T050000Z daily-20261126T050000Z" {
		t.Errorf("sagas %s", got)
	}
	if s := r.schedule("apply", strings.Replace(daily, "0 6", "30 6", 1)); !s.Changed || s.Next.Format(time.RFC3339) != "2026-11-26T05:30:00Z" {
		t.Errorf("%+v", s)
	}
	r.schedule("delete", `{"name":"daily"}`)
	r.jump(clock, 48*time.Hour)
	r.jump(clock, time.Second)
	if got := r.ids(); strings.Count(got, " ") != 1 {
		t.Errorf("sagas %s", got)
	}
}

// TestAFirstTickIsNotWaitedFor: the timers hear of a new schedule at once, not at their next look.
func TestAFirstTickIsNotWaitedFor(t *testing.T) {
	r, clock := scheduled(t)
	clock.set(-100 * time.Millisecond)
	r.schedule("apply", "schedule: soon\nsaga: bill\ncron: '@hourly'\ninput: {at: x}\n")
	clock.set(100 * time.Millisecond) // nobody is told that it jumped
	r.ticked("soon", "2026-11-25T06:00:00Z")
	if got := r.ids(); got != "soon-20261125T050000Z" {
		t.Errorf("sagas %s", got)
	}
}

// TestMissedTicks: the orchestrator is down for three days and a half.
func TestMissedTicks(t *testing.T) {
	r, clock := scheduled(t)
	for _, rule := range []string{"skip", "once", "all"} {
		r.schedule("apply", strings.NewReplacer("daily", rule, "zone: Europe/Prague", "missed: "+rule).Replace(daily))
	}
	r.halt()
	clock.set(84 * time.Hour)
	r.runningAt(clock)
	for _, rule := range []string{"skip", "once", "all"} {
		r.ticked(rule, "2026-11-29T06:00:00Z")
	}
	// In the order of their next ticks, and then of their names.
	if got := r.ids(); got != "all-20261125T060000Z all-20261126T060000Z all-20261127T060000Z all-20261128T060000Z once-20261128T060000Z" {
		t.Errorf("sagas %s", got)
	}
	if s := r.ticked("skip", "2026-11-29T06:00:00Z"); s.Starts != 0 || s.Missed != 1 || s.Last != nil {
		t.Errorf("%+v", s)
	}
}

// TestATickIsOnTime also when somebody was a little slow; what comes after until never ticks.
func TestATickIsOnTime(t *testing.T) {
	r, clock := scheduled(t)
	r.schedule("apply", "schedule: m\nsaga: bill\ncron: '* * * * *'\nmissed: skip\nuntil: '2026-11-25T05:10:00Z'\ninput: {at: x}\n")
	r.jump(clock, 10*time.Minute+30*time.Second) // 9 and 10 are not late
	r.eventually("the end", func() bool { return r.schedule("get", `{"name":"m"}`).Next == nil })
	if got := r.ids(); got != "m-20261125T050900Z m-20261125T051000Z" {
		t.Errorf("sagas %s", got)
	}
}

// TestAScheduleThatCannotStart says why, and goes on.
func TestAScheduleThatCannotStart(t *testing.T) {
	r, clock := scheduled(t)
	r.schedule("apply", strings.Replace(daily, "zone: Europe/Prague", "", 1))
	r.begin("bill", "daily-20261125T060000Z", `{"at":"mine"}`)
	r.apply(`{"saga":"bill","version":2,"input":{"type":"object","required":["more"]},"steps":[{"id":"pay","participant":"P","action":"pay"}]}`)
	r.jump(clock, time.Hour)
	s := r.ticked("daily", "2026-11-26T06:00:00Z")
	if !strings.Contains(s.Problem, "more") || s.LastSaga != "" || s.Starts != 0 {
		t.Errorf("%+v", s)
	}
	for body, says := range map[string]string{
		"schedule: x\nsaga: none\ncron: '@daily'":                                `there is no saga type "none"`,
		"schedule: x\nsaga: bill\nversion: 1\ncron: '@daily'":                    "at",
		"schedule: x\nsaga: bill\ncron: '0 6 * *'":                               "five fields",
		"schedule: x\nsaga: bill\ncron: '@daily'\nzone: Mars/Olympus":            "there is no zone",
		"schedule: x\nsaga: bill\ncron: '@daily'\nuntil: '2026-11-25T05:00:00Z'": "it never ticks",
		"schedule: x\ncron: '@daily'":                                            "saga is missing",
	} {
		if _, problem := r.request("schedules.apply", body); problem == nil || !strings.Contains(problem.Detail, says) {
			t.Errorf("%q: %+v", body, problem)
		}
	}
	for _, verb := range []string{"get", "delete"} {
		if _, problem := r.request("schedules."+verb, `{"name":"none"}`); problem == nil || problem.Code != "not_found" {
			t.Errorf("%s: %+v", verb, problem)
		}
	}
}

// TestAPausedSchedule does not tick; at its resume its rule says what was missed.
func TestAPausedSchedule(t *testing.T) {
	r, clock := scheduled(t)
	r.schedule("apply", strings.Replace(daily, "zone: Europe/Prague", "", 1))
	if p := r.pause(`{"schedule":"daily","reason":"holidays"}`); p.Schedule != "daily" || !p.Changed {
		t.Errorf("%+v", p)
	}
	r.jump(clock, 50*time.Hour)
	r.jump(clock, time.Second)
	r.schedule("apply", "schedule: other\nsaga: bill\ncron: '@hourly'\ninput: {at: x}\n")
	r.jump(clock, time.Hour)
	r.ticked("other", "2026-11-27T09:00:00Z")
	r.resume(`{"schedule":"daily","reason":"back"}`)
	r.ticked("daily", "2026-11-28T06:00:00Z")
	if got := r.ids(); got != "other-20261127T080000Z daily-20261127T060000Z" {
		t.Errorf("sagas %s", got)
	}
	r.pause(`{"schedule":"daily","reason":"holidays"}`)
	r.schedule("delete", `{"name":"daily"}`)
	if list := r.pauses(); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	if _, problem := r.request("pause", `{"schedule":"daily","reason":"x"}`); problem == nil || problem.Code != "not_found" {
		t.Errorf("%+v", problem)
	}
}

// TestAStoppedScheduleBeginsAgain: a program that cannot read a schedule stops it; the same again, from one that
// can, is no "unchanged" that never ticks.
func TestAStoppedScheduleBeginsAgain(t *testing.T) {
	r, _ := scheduled(t)
	before := r.schedule("apply", daily)
	r.must(r.db.Write(t.Context(), func(tx outbox.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE schedules SET next = NULL, problem = 'zone: there is no zone'`)
		return err
	}))
	if s := r.schedule("apply", daily); s.Next == nil || !s.Next.Equal(before.Next.Time) || s.Problem != "" || !s.Changed {
		t.Errorf("%+v", s)
	}
}
