package participants

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// bootShift leaves 2^40 replies to each boot of a store. They begin anywhere in the first half: an older copy counts
// its boots again, and the broker would take its replies for those of the boot that is lost.
const bootShift = 40

func firstReply() int64 { return rand.Int64N(1 << (bootShift - 1)) }

// receive takes a message from the stream. It blocks while the loop is behind. A command that
// comes too late for the loop is not acknowledged, so it comes again.
func (p *Participant) receive(m jet.Msg) {
	c, env, err := wire.DecodeCommand(p.names, m.Subject, m.Header, m.Data)
	if err != nil {
		p.bury(m, err)
		return
	}
	if err := p.spread.submit(context.Background(), &delivery{msg: m, command: c, envelope: env}); err != nil {
		p.log.Debug().Err(err).Str("op", c.Op()).Msg("command left for the next run")
	}
}

// reply publishes a command's answer and acknowledges the command once the answer is stored.
func (p *Participant) reply(d *delivery) {
	d.ended()
	if d.again != nil {
		d.again()
		return
	}
	p.counts.count(d.answer.Outcome)
	if d.answer.Outcome == saga.Conflict {
		p.log.Warn().Str("op", d.command.Op()).Str("code", d.answer.Code).Str("origin", d.envelope.Origin).Msg("conflict")
	}
	h := wire.EncodeReply(d.reply(), d.envelope.Origin)
	h[wire.HeaderStore], h[wire.HeaderSession] = []string{p.db.StoreID()}, []string{p.session}
	if d.commit > 0 {
		h[wire.HeaderCommit] = []string{strconv.FormatInt(d.commit, 10)}
	}
	h[wire.HeaderMsgID] = []string{p.nextMessageID()}
	if d.command.TraceParent != "" {
		h[wire.HeaderTraceParent] = []string{d.command.TraceParent}
	}
	p.publish(&nats.Msg{Subject: d.envelope.ReplyTo, Header: h, Data: d.answer.Body}, d.msg)
}

// nextMessageID is never given twice by one store. Each copy of an answer has its own, so the
// broker cannot take a later success for a repeat of an earlier retry.
func (p *Participant) nextMessageID() string {
	return p.db.StoreID() + "/" + strconv.FormatInt(p.db.Boot()<<bootShift|p.sent.Add(1), 10)
}

// bury sends a message that is no command to the dead letters.
func (p *Participant) bury(m jet.Msg, cause error) {
	p.counts.dead.Add(1)
	p.log.Warn().Err(cause).Str("subject", m.Subject).Uint64("seq", m.Seq).Msg("dead letter")
	p.publish(&nats.Msg{
		Subject: p.names.DeadSubject(p.name),
		Header: nats.Header{
			wire.HeaderErrorCode:  {wire.CodeMalformed},
			wire.HeaderError:      {clip(cause.Error())},
			wire.HeaderOriginSubj: {m.Subject},
			wire.HeaderOriginSeq:  {strconv.FormatUint(m.Seq, 10)},
		},
		Data: m.Data,
	}, m)
}

// publish sends what came of a message, and acknowledges the message once that is stored. If it
// is not, nothing is done: the message comes again, and so does what comes of it.
func (p *Participant) publish(out *nats.Msg, in jet.Msg) {
	p.unsettled.Add(1)
	p.publisher.PublishMsg(out, func(err error) {
		defer p.unsettled.Done()
		if err == nil {
			err = in.Ack()
		}
		if err != nil {
			p.log.Warn().Err(err).Str("subject", out.Subject).Uint64("seq", in.Seq).Msg("not answered; the command comes again")
		}
	})
}

// settle gives the last publishes a moment to be stored.
func (p *Participant) settle() {
	settled := make(chan struct{})
	go func() {
		p.unsettled.Wait()
		close(settled)
	}()
	select {
	case <-settled:
	case <-time.After(drainFor):
	}
}
