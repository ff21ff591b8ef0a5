package sagatest

import (
	"slices"

	"github.com/girohq/giro/saga"
)

// Path is a rare path through the protocol. A test that never takes it proves nothing about it.
type Path int

// The rare paths.
const (
	EmptyCompensation   Path = iota // an undo came to a step that had not run
	LateForwardFenced               // a forward came after its undo or fence
	UndoOfUnknown                   // an undo found the effect that nobody knew of
	UndoOfRefused                   // an undo found that the step had been refused
	InquiryFenced                   // an inquiry found nothing and fenced it
	InquiryFoundSuccess             // an inquiry found that the pivot stands
	InquiryFoundRefusal             // an inquiry found that the pivot was refused
	DeadlineFenced                  // a forward came too late
	RepeatAnswered                  // a command came again and got its recorded reply
	LateReplyIgnored                // a reply came to an operation that was over
	LateRefusalTaken                // a refusal came while the step was being undone as unknown
	WentOnByItself                  // a late reply ended a suspension
	StopRemembered                  // a cancel or deadline came after the pivot was sent
	StopTooLate                     // ... and the pivot stood
	StopBecameCause                 // ... and the pivot did not
	RetriedByPerson                 // an operator's retry continued a suspended saga
	EarlySignalKept                 // a signal came before the step that awaits it
	AwaitTimedOut                   // nobody said what a step waited for, and the saga went on or turned back
	PivotSkipped                    // a pivot was left out, and counts as passed
	EmptyList                       // a step ran over a list without an item
	ChildStood                      // a child's steps were all done, and its parent had to decide
	ChildUndone                     // ... and it was undone
	ChildSettled                    // ... and it stayed
	ChildCannotBegin                // there is no such saga, or it cannot be undone as a whole
	ChildAbandoned                  // a child was abandoned, and its parent needed a person
	WishGranted                     // a step was skipped or resolved after its fence
	WishOvertaken                   // the fence found that the step had succeeded
	Forced                          // an operator did not wait for the fence
	TwoInTrouble                    // two steps needed a person at once
	pathCount
)

var pathNames = [pathCount]string{
	"empty compensation", "late forward fenced", "undo of unknown", "undo of refused",
	"inquiry fenced", "inquiry found success", "inquiry found refusal", "deadline fenced",
	"repeat answered", "late reply ignored", "late refusal taken", "went on by itself",
	"stop remembered", "stop too late", "stop became cause", "retried by a person",
	"early signal kept", "await timed out", "pivot skipped", "empty list",
	"child stood", "child undone", "child settled", "child cannot begin", "child abandoned",
	"wish granted", "wish overtaken", "forced", "two in trouble",
}

func (p Path) String() string { return pathNames[p] }

// AllPaths returns every rare path.
func AllPaths() []Path {
	all := make([]Path, pathCount)
	for i := range all {
		all[i] = Path(i)
	}
	return all
}

// paths counts how often each was taken.
type paths [pathCount]int

// barrier counts what a command found at the participant.
func (p *paths) barrier(before saga.RowState, c *saga.Command, v saga.Verdict, late bool, rec saga.Record) {
	known := before != saga.RowNone
	switch c.Direction {
	case saga.Forward:
		p.count(RepeatAnswered, v == saga.Answer && rec.Outcome != saga.Fenced)
		p.count(LateForwardFenced, known && rec.Outcome == saga.Fenced)
		p.count(DeadlineFenced, !known && late)
	case saga.Backward:
		p.count(EmptyCompensation, !known)
		p.count(UndoOfUnknown, v == saga.RunUndo && c.Known == saga.KnownUnknown)
		p.count(UndoOfRefused, before == saga.RowRejected)
		p.count(RepeatAnswered, before == saga.RowUndone)
	case saga.Inquire:
		p.count(InquiryFenced, !known)
		p.count(InquiryFoundSuccess, before == saga.RowSucceeded)
		p.count(InquiryFoundRefusal, before == saga.RowRejected)
	}
}

func (p *paths) count(path Path, taken bool) {
	if taken {
		p[path]++
	}
}

// orchestrator counts what an event made of a saga.
func (p *paths) orchestrator(before, after saga.Instance, event saga.Event, changed bool) {
	switch e := event.(type) {
	case saga.Replied:
		forward := e.Reply.Direction != saga.Backward
		p.count(LateReplyIgnored, !changed)
		p.count(LateRefusalTaken, changed && forward && before.State == saga.Compensating)
		p.count(WentOnByItself, changed && before.State == saga.Suspended)
		if before.Remembered != nil && before.Remembered.Step == "" && changed {
			p.count(StopTooLate, after.State == saga.Running && after.Remembered == nil)
			p.count(StopBecameCause, after.State == saga.Compensating && after.Cause.Kind == before.Remembered.Kind)
		}
	case saga.Resumed:
		p.count(RetriedByPerson, changed)
	case saga.Cancelled, saga.Woke:
		p.count(StopRemembered, changed && after.Remembered != nil)
	}
}

// moved counts what has become of a saga and its steps.
func (p *paths) moved(def *saga.Definition, before, after *saga.Instance, event saga.Event) {
	if _, ok := event.(saga.Signalled); ok {
		p.count(EarlySignalKept, len(after.Signals) > len(before.Signals) && !slices.ContainsFunc(before.Steps, func(s saga.Step) bool {
			return s.State == saga.StepRunning && s.Key == after.Signals[len(after.Signals)-1].Name
		}))
	}
	stands := func(in *saga.Instance) bool { return in.State == saga.Running && in.Parent != nil && in.Output != nil }
	p.count(ChildStood, stands(after) && !stands(before))
	p.count(ChildSettled, stands(before) && after.State == saga.Completed)
	p.count(ChildUndone, stands(before) && after.State == saga.Compensating)
	failed := 0
	for i := range after.Steps {
		s := &after.Steps[i]
		if s.State == saga.StepFailed {
			failed++
		}
		if old, ok := before.Step(s.ID); ok && old.State != s.State {
			p.step(def, old, s)
		}
	}
	p.count(TwoInTrouble, failed > 1 && after.State == saga.Suspended)
}

func (p *paths) step(def *saga.Definition, before, after *saga.Step) {
	sd, _ := def.Step(after.ID)
	ended := before.State != saga.StepPending
	p.count(AwaitTimedOut, ended && sd.Await != nil && after.Until.IsZero() && (after.State == saga.StepSkipped || after.Code == "timeout"))
	p.count(PivotSkipped, sd.Kind == saga.Pivot && after.State == saga.StepSkipped)
	p.count(EmptyList, string(after.Result) == "[]")
	p.count(ChildCannotBegin, after.Child != "" && after.Code == "invalid")
	p.count(ChildAbandoned, after.State == saga.StepFailed && after.Code == "child_abandoned")
	p.count(WishGranted, before.Wish != nil && !after.Open && (after.State == saga.StepSkipped || after.ByHand != before.ByHand))
	p.count(WishOvertaken, before.Wish != nil && after.State == saga.StepSucceeded && after.ByHand == before.ByHand)
	p.count(Forced, after.Open && !before.Open)
}
