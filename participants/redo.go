package participants

import (
	"context"
	"fmt"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
)

const (
	maxRefused = 1000 // commands that wait for others, before it is given up
	maxShown   = 20   // differences that are told
	idlePasses = 5    // over what was refused, without success, before it differs
	idlePause  = 100 * time.Millisecond
)

// redo does again what the orchestrator knows to have been answered and an older copy lacks: commands like any
// others, past the barrier, in the order of their answers. What the copy has is a repeat. A forward that is
// refused may come before one that it needs: it is tried again after the others.
func (p *Participant) redo(ctx context.Context) (*wire.Replayed, error) {
	r := &redoing{p: p}
	for req := (wire.LostRequest{Name: p.name, Session: p.session}); ; {
		var page wire.Lost
		if err := p.ask(ctx, wire.VerbLost, req, &page); err != nil {
			return nil, err
		}
		if err := r.apply(ctx, page.Items); err != nil {
			return nil, err
		}
		if req.After = page.Next; req.After == 0 || r.report.Failed != "" {
			break
		}
	}
	if err := r.finish(ctx); err != nil {
		return nil, err
	}
	p.log.Warn().Int("done", r.report.Done).Int("differ", r.report.Differ).Str("failed", r.report.Failed).Msg("what an older copy lacks was done again")
	return &r.report, nil
}

// redoing is one replay.
type redoing struct {
	p       *Participant
	report  wire.Replayed
	refused []*again
}

// again is a command to be done again, and how it was answered.
type again struct {
	delivery
	want wire.LostItem
}

func (r *redoing) apply(ctx context.Context, items []wire.LostItem) error {
	batch := make([]*again, 0, len(items))
	for _, item := range items {
		c, env, err := wire.DecodeCommand(r.p.names, item.Subject, item.Header, item.Body)
		if err != nil {
			return fmt.Errorf("what was lost: %w", err)
		}
		a := &again{delivery{command: c, envelope: env}, item}
		if item.Outcome == saga.Rejected {
			a.refusal = Reject(item.Code, "%s", item.Message)
		}
		batch = append(batch, a)
	}
	if err := r.pass(ctx, batch); err != nil {
		return err
	}
	for before := len(r.refused) + 1; len(r.refused) > 0 && len(r.refused) < before; { // while it helps
		before = len(r.refused)
		if err := r.repeat(ctx); err != nil {
			return err
		}
	}
	if len(r.refused) > maxRefused {
		r.report.Failed = fmt.Sprintf("more than %d commands are refused now, the first with: %s", maxRefused, r.refused[0].answer.Message)
	}
	return nil
}

// finish gives what was refused the last chances; what is left then differs.
func (r *redoing) finish(ctx context.Context) error {
	for idle := 0; len(r.refused) > 0 && idle < idlePasses && r.report.Failed == ""; idle++ {
		if err := rest(ctx, idlePause); err != nil {
			return err
		}
		before := len(r.refused)
		if err := r.repeat(ctx); err != nil {
			return err
		}
		if len(r.refused) < before {
			idle = 0
		}
	}
	for _, a := range r.refused {
		r.differs(a)
	}
	return nil
}

func (r *redoing) repeat(ctx context.Context) error {
	batch := r.refused
	r.refused = nil
	return r.pass(ctx, batch)
}

// pass does commands in their order, and judges the answers.
func (r *redoing) pass(ctx context.Context, batch []*again) error {
	answered := make(chan struct{}, len(batch))
	for _, a := range batch {
		a.again = func() { answered <- struct{}{} }
		if err := r.p.spread.submit(ctx, &a.delivery); err != nil {
			return err
		}
	}
	for range batch {
		select {
		case <-answered:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, a := range batch {
		switch {
		case a.equal():
			r.report.Done++
		case a.waits():
			r.refused = append(r.refused, a)
		default:
			r.differs(a)
		}
	}
	return nil
}

// waits says that the command may have its outcome after others: it was refused, or it is an undo or a confirm
// whose forward was.
func (a *again) waits() bool {
	missing := a.answer.Outcome == saga.Conflict && (a.answer.Code == "row_missing" || a.answer.Code == "try_missing")
	return missing || a.answer.Outcome == saga.Retried
}

// equal says that the command has the outcome that it had.
func (a *again) equal() bool {
	got := a.answer.Outcome
	if a.want.Outcome != saga.Succeeded { // or whatever proves that nothing stands
		return got == saga.Fenced || got == saga.Rejected
	}
	if a.want.Undone && got == saga.Fenced {
		return true
	}
	return got == a.want.Outcome && (a.want.Result == nil || saga.SameJSON(a.want.Result, a.answer.Body))
}

func (r *redoing) differs(a *again) {
	r.report.Differ++
	if len(r.report.Which) < maxShown {
		r.report.Which = append(r.report.Which, wire.Difference{Op: a.command.Op(), Want: clip(said(a.want.Outcome, "", a.want.Result)),
			Got: clip(said(a.answer.Outcome, a.answer.Code, a.answer.Body))})
	}
}

func said(o saga.Outcome, code string, body []byte) string {
	text := string(o)
	if code != "" {
		text += " " + code
	}
	if len(body) > 0 {
		text += " " + string(body)
	}
	return text
}
