package saga

import "fmt"

// All behaviour of a saga is in this file and those it names: how attempts end (attempt.go), how what ran
// is undone (compensation.go), what needs a person (suspension.go) and what a person can wish (wish.go),
// what is waited for by the clock (timer.go) and by name (signal.go), sagas within sagas (child.go),
// steps that run over a list (each.go) and holds (hold.go). Everything else carries messages to
// Transition and writes down what it says.
//
//	           +-------------------- a late reply, or a person's retry ---------------------+
//	           v                                                                            |
//	 start  running --- pivot and all steps stand -----------------------> completed        |
//	           |  \                                                                         |
//	           |   +--- a retriable step is exhausted, a conflict ---> suspended -----------+
//	           |                                                       ^      |  \
//	   refused, unknown, cancelled, deadline                           |      |   +--> abandoned
//	           v                                                       |      |
//	      compensating --- an undo is exhausted, a conflict -----------+      |
//	           |    ^                                                         |
//	           |    +---------------------------------------------------------+
//	           +------- every effect undone ---------------> compensated
//
// The moves that there are, a person's included:
//
//	running       ->  compensating, suspended, completed, compensated, abandoned
//	compensating  ->  suspended, compensated, abandoned
//	suspended     ->  running, compensating, completed, compensated, abandoned
//
// A step goes pending -> running -> succeeded, rejected or fenced; or it is skipped. It begins when all
// the steps it comes after have settled, which is to have succeeded or been skipped; steps that do
// not come after one another run at the same time. If its attempts end without an answer that
// settles it, it is unknown: a compensatable step is then undone as if it had run, which the barrier
// makes safe; a pivot is inquired, for it has no undo. An undo goes compensating -> compensated, and
// begins when everything that came after the step is undone. What needs a person is failed, and its
// saga suspended: what is out goes on, nothing new begins.

// Transition moves a saga by one event. It is total and pure: the same arguments give the same
// result for ever, and an event that does not matter any more gives [Unchanged] with the reason.
// The instance passed in is not written to.
//
// Each event first changes the steps it is about; then [move.advance] lets the saga go on as far as
// it can.
func Transition(def *Definition, in Instance, event Event) (Instance, []Effect) {
	m := move{def: def, Instance: in.clone(), now: event.at()}
	m.locate()
	switch in.State {
	case "":
		switch e := event.(type) {
		case Started:
			m.start(e)
		default:
			m.unchanged("not started")
		}
	case Running:
		switch e := event.(type) {
		case Replied:
			m.answered(e.Reply)
		case TimedOut:
			m.silent(e)
		case Woke:
			m.woke(e.Held)
		case Signalled:
			m.signalled(e)
		case ChildEnded:
			m.childEnded(e)
		case Settled:
			m.settledByParent()
		case Postponed:
			m.postpone(e.By)
		case Cancelled:
			m.cancel(e)
		case Resumed:
			m.refuse("the saga is running: there is nothing to retry")
		case Skipped:
			m.skip(e)
		case ResolvedByHand:
			m.resolve(e)
		case GivenUp:
			m.giveUp(e)
		default:
			m.unchanged("duplicate")
		}
	case Compensating:
		switch e := event.(type) {
		case Replied:
			m.answered(e.Reply)
		case TimedOut:
			m.silent(e)
		case ChildEnded:
			m.childEnded(e)
		case Signalled:
			m.signalledLate(e, "the saga is being compensated: nothing waits for a signal any more")
		case Cancelled:
			m.unchanged("the saga is being compensated already")
		case Resumed:
			m.refuse("the saga is being compensated: there is nothing to retry")
		case Skipped:
			m.refuse("the saga is being compensated: an undo cannot be skipped, only resolved by hand")
		case ResolvedByHand:
			m.resolve(e)
		case GivenUp:
			m.giveUp(e)
		default:
			m.unchanged("late")
		}
	case Suspended:
		m.takeUp()
		switch e := event.(type) {
		case Replied:
			m.answered(e.Reply)
		case TimedOut:
			m.silent(e)
		case Woke:
			m.woke(e.Held)
		case Signalled:
			m.signalled(e)
		case ChildEnded:
			m.childEnded(e)
		case Settled:
			m.settledByParent()
		case Postponed:
			m.postpone(e.By)
		case Cancelled:
			m.cancel(e)
		case Resumed:
			m.resume(e)
		case Skipped:
			m.skip(e)
		case ResolvedByHand:
			m.resolve(e)
		case GivenUp:
			m.giveUp(e)
		default:
			m.unchanged("late")
		}
	default: // Completed, Compensated, Abandoned: terminal absorbs
		ended := fmt.Sprintf("the saga is %s: nothing can move it any more", in.State)
		switch e := event.(type) {
		case Signalled:
			m.signalledLate(e, ended)
		case Cancelled, Resumed, Skipped, ResolvedByHand, GivenUp:
			m.refuse(ended)
		default:
			m.unchanged("late")
		}
	}
	m.advance()
	return m.done(in)
}

// start accepts the saga; its first steps begin with [move.advance].
func (m *move) start(e Started) {
	m.Instance = Instance{
		ID: e.ID, Type: m.def.Name, Version: m.def.Version, Digest: m.def.digest, Parent: e.Parent, Input: e.Input,
		Trace: e.Trace, State: Running, Created: e.At, Start: e.Start, Deadline: e.Deadline, Steps: make([]Step, len(m.def.Steps)),
	}
	for i := range m.def.Steps {
		m.Steps[i] = Step{ID: m.def.Steps[i].ID, State: StepPending}
	}
	m.locate()
	if m.Deadline.IsZero() && m.def.Deadline > 0 {
		m.Deadline = later(e.At, e.Start).Add(m.def.Deadline)
	}
	m.effect(Emit{EventAccepted})
}

// advance lets the saga go on as far as it can after its steps have changed.
func (m *move) advance() {
	if m.still || m.State == Suspended && !m.unsuspend() {
		return
	}
	if m.State == Running {
		m.forward()
	}
	if m.State == Compensating {
		m.backward()
	}
}

// forward begins every step that can begin, or completes the saga when every step has settled. The
// steps stand in an order in which each comes after those it waits for.
func (m *move) forward() {
	if m.now.Before(m.Start) && m.Updated.Before(m.Start) {
		return // once begun it goes on, though the clock may have gone back
	}
	var f front
	for i := 0; i < len(m.Steps) && m.State == Running; i++ {
		f.enter(m, i)
		if m.Steps[i].State == StepPending && f.ready(m, i) {
			if m.begin(i); m.State == Running && m.Steps[i].State == StepPending {
				i-- // it has become the runs over its list
				continue
			}
			if !m.Steps[i].settled() {
				f.out++
			}
		}
		f.leave(m, i)
	}
	if m.State == Running && !f.open {
		m.complete()
	}
}

// begin starts a step: it sends its first command, or what its form does instead. A step that cannot
// be said (an expression without a value) was never sent: it is refused before it could have an
// effect.
func (m *move) begin(i int) {
	s, sd := &m.Steps[i], &m.def.Steps[m.at[i]]
	skip, err := m.leftOut(s, sd)
	switch {
	case err != nil:
	case skip:
		m.leaveOut(s, sd)
	case sd.each != nil && s.ID == sd.ID:
		err = m.expand(i, sd)
	case sd.Sleep:
		err = m.sleep(s, sd)
	case sd.Await != nil:
		err = m.await(s, sd)
	case sd.Run != nil:
		err = m.startChild(s, sd)
	default:
		err = m.sendFirst(s, sd)
	}
	if err != nil {
		m.unsayable(&m.Steps[i], sd, err)
	}
}

// leftOut evaluates when, once for a step, or once for each run if it looks at the item. A hold that
// was left out has nothing to confirm.
func (m *move) leftOut(s *Step, sd *StepDefinition) (bool, error) {
	if m.unheld(s) {
		return true, nil
	}
	ofItem := sd.each != nil && s.ID != sd.ID
	if sd.when == nil || sd.each != nil && ofItem != sd.when.ofItem {
		return false, nil
	}
	run, err := sd.condition(&m.Instance, s.ID)
	return !run, err
}

// leaveOut skips a step. A pivot that is skipped counts as passed.
func (m *move) leaveOut(s *Step, sd *StepDefinition) {
	s.State = StepSkipped
	if sd.Kind == Pivot {
		m.passPivot()
	}
}

// sendFirst fixes the step's participant and key and sends its first attempt.
func (m *move) sendFirst(s *Step, sd *StepDefinition) error {
	participant, key, err := sd.Address(&m.Instance, s.ID)
	if err != nil {
		return err
	}
	s.Participant, s.Key, s.Attempts, s.State, s.Since = participant, key, 1, StepRunning, m.now
	if sd.Expires > 0 {
		s.Expires = m.now.Add(sd.Expires)
	}
	return m.enqueue(s, Forward, 0)
}

// unsayable refuses a step that was never sent. Once the pivot is out there is no turning back on
// such a step's account: it waits for a person.
func (m *move) unsayable(s *Step, sd *StepDefinition, err error) {
	*s = Step{ID: s.ID, Run: s.Run, State: StepPending, Since: m.now, Code: "expression_failed", Message: err.Error()}
	if m.kind(sd) == Retriable || m.pivotSent() {
		m.suspend(s, CauseConflict)
		return
	}
	s.State = StepRejected
	m.compensate(Cause{Step: s.ID, Kind: CauseRejected, Code: s.Code, Message: s.Message})
}

// complete ends the saga, or, if a parent may still undo it as a whole, lets it stand until that is decided.
func (m *move) complete() {
	if m.stands() {
		return
	}
	output, err := m.def.Result(&m.Instance)
	if err != nil { // the money has moved: an output that cannot be said does not change that
		output = nil
		m.effect(Noted{"output: " + err.Error()})
	}
	m.Output = output
	if m.Parent != nil && !m.def.HasPivot() {
		m.stand()
		return
	}
	m.finish(Completed)
}

// answered takes a reply. Terminal outcomes count from any attempt, a retry only from the current
// one; what does not belong to an operation that is still open is late.
func (m *move) answered(r Reply) {
	s, ok := m.stepByRun(r.Step)
	switch {
	case !ok:
		m.unchanged("no such step run")
	case s.Participant != r.Participant || s.Participant == "":
		m.unchanged("from another participant")
	case !r.Outcome.Valid(): // what is not said plainly must never pass for a refusal
		m.unchanged("no such outcome")
	case !m.open(s, r.Direction):
		m.lateAnswer(s, r)
	case r.Outcome == Conflict:
		m.contradicted(s, r)
	case r.Outcome == Retried:
		m.askedToRetry(s, r)
	case r.Direction == Backward || r.Direction == Close:
		m.undone(s, r)
	default:
		m.settled(s, r)
	}
}

// open says whether an answer in this direction is still waited for. A step that is inquired
// still accepts the answer to its forward: they are the same record. So does one that waits to be
// undone: what it says is then known.
func (m *move) open(s *Step, d Direction) bool {
	switch s.State {
	case StepRunning:
		return d == Forward
	case StepUnknown:
		return d == Forward || d == Inquire
	case StepCompensating:
		return d == Backward || d == Close && s.Closings > 0
	case StepFailed:
		if m.Resume == Compensating || s.Undos > 0 { // also when the saga is being abandoned by now
			return d == Backward || d == Close && s.Wish != nil
		}
		return d == Forward || d == Inquire
	}
	return false
}

// lateAnswer takes the one late answer that still matters: a step that is being undone without
// knowing whether it ran turns out not to have run.
func (m *move) lateAnswer(s *Step, r Reply) {
	undoing := s.State == StepCompensating || s.State == StepFailed && m.Resume == Compensating
	notRun := r.Direction == Forward && (r.Outcome == Rejected || r.Outcome == Fenced)
	if !undoing || s.Known != KnownUnknown || !notRun {
		m.unchanged("late")
		return
	}
	m.releaseOut(s)
	m.refusal(s, r)
}

// settled takes the terminal outcome of a forward, from its own reply or from an inquiry.
func (m *move) settled(s *Step, r Reply) {
	sd, _ := m.def.Step(s.ID)
	switch {
	case r.Outcome == Succeeded:
		m.releaseOut(s)
		m.succeeded(s, sd, r.Body)
	case s.Wish != nil:
		m.releaseOut(s)
		m.grant(s, sd, r)
	case m.kind(sd) == Retriable:
		m.contradicted(s, r)
		m.refusal(s, r)
	default:
		m.releaseOut(s)
		m.refusal(s, r)
		m.turnBack(m.refusedBecause(s, r))
	}
}

func (m *move) succeeded(s *Step, sd *StepDefinition, result []byte) {
	s.State, s.Result, s.Refusals, s.Code, s.Message, s.Wish, s.Trouble = StepSucceeded, result, 0, "", "", nil, ""
	if len(s.Result) == 0 {
		s.Result = emptyObject
	}
	if sd.Kind == Pivot {
		m.passPivot()
	}
}

// turnBack compensates, unless the saga does so already.
func (m *move) turnBack(cause Cause) {
	if m.State == Running || m.State == Suspended && m.Resume == Running {
		m.compensate(cause)
	}
}

// refusedBecause finds the cause behind a refusal: the participant's own words, or what made the
// step end up fenced.
func (m *move) refusedBecause(s *Step, r Reply) Cause {
	if r.Outcome == Rejected {
		return Cause{Step: s.ID, Kind: CauseRejected, Code: r.Code, Message: r.Message}
	}
	if m.Remembered != nil {
		return *m.Remembered
	}
	return Cause{Step: s.ID, Kind: CauseDeadline, Code: r.Code, Message: r.Message}
}

// undone takes the terminal outcome of an undo, or of its closing.
func (m *move) undone(s *Step, r Reply) {
	switch {
	case r.Direction == Backward && r.Outcome == Fenced && s.Closings > 0: // the closing came first: its own answer decides
		m.unchanged("late")
		return
	case r.Outcome != Succeeded:
		m.contradicted(s, r)
		return
	}
	m.releaseOut(s)
	abandoned := r.Direction == Close && s.Wish != nil && s.Wish.Verb == WishAbandon
	if r.Direction == Close && s.Wish != nil && !abandoned {
		s.ByHand = s.Wish.Reason
	}
	s.State, s.Refusals, s.Code, s.Message, s.Wish, s.Trouble = StepCompensated, 0, "", "", nil, ""
	if abandoned { // it is closed, but nobody has undone it
		s.State = StepFailed
	}
}

// contradicted suspends: an answer that cannot be true beside what is known.
func (m *move) contradicted(s *Step, r Reply) {
	s.Code, s.Message = r.Code, r.Message
	if s.State == StepFailed {
		m.unchanged("suspended already")
		return
	}
	m.suspend(s, CauseConflict)
}

// stop turns the saga back from outside (a deadline, a cancel), or remembers the wish when the
// pivot has been sent: then only the pivot's answer decides. It returns why nothing was done.
func (m *move) stop(cause Cause) (not string) {
	switch {
	case m.State == Suspended && m.Resume == Abandoned:
		return "the saga is being abandoned"
	case m.State == Suspended && m.Resume == Compensating:
		return "the saga is being compensated already"
	case m.passed():
		return "too late"
	case m.pivotSent():
		if m.Remembered != nil && m.Remembered.Step == "" {
			return "remembered already"
		}
		m.Remembered = &cause
		m.stopChild(cause)
		m.effect(Noted{"remembered: the pivot has been sent, its answer decides"})
	default:
		m.compensate(cause)
	}
	return ""
}

func (m *move) cancel(e Cancelled) {
	switch {
	case m.passed():
		m.refuse("too late: the saga is past its pivot and will be completed")
		return
	case m.stands() && e.From == "":
		m.refuse(standsFor(m.Parent))
		return
	}
	if not := m.stop(Cause{Kind: CauseCancelled, Message: e.Reason}); not != "" {
		m.unchanged(not)
	}
}
