package orchestrator

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// replies reads the participants' replies and acknowledges what was committed.
type replies struct {
	names   wire.Names
	origin  string
	streams *streams
	dead    *deadLetters
	submit  func(context.Context, *work) error
	now     func() time.Time
	began   func() // a new epoch: the broker may be another one
	log     zerolog.Logger
	reader  *jet.Reader

	ctx context.Context // of Run: Deliver gives up with it

	mu          sync.Mutex
	epoch       jet.Epoch
	committed   uint64             // every reply up to here was committed in this epoch
	failed      map[uint64]bool    // replies that could not be committed: nothing is acknowledged past them
	outstanding map[uint64]jet.Msg // delivered, not committed yet
}

func newReplies(nc *nats.Conn, r *replies) (*replies, error) {
	var err error
	r.reader, err = jet.NewReader(jet.ReaderConfig{
		Conn: nc, Stream: r.names.Replies(), Stem: r.stem(), Deliver: r.deliver, Epoch: r.begin, Log: r.log,
		Consumer: func(incarnation string) jetstream.ConsumerConfig {
			return jetstream.ConsumerConfig{
				Durable: r.stem() + incarnation, Description: "the orchestrator's place in the replies",
				AckPolicy: jetstream.AckAllPolicy, AckWait: 30 * time.Second, MaxAckPending: 4 * queueLimit, FilterSubject: r.names.ReplyFilter(),
			}
		},
	})
	return r, err
}

func (r *replies) stem() string { return "orchestrator-" + r.origin + "-" }

// Run reads until the context ends.
func (r *replies) Run(ctx context.Context) error {
	r.ctx = ctx
	return r.reader.Run(ctx)
}

func (r *replies) begin(e jet.Epoch) {
	r.began()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epoch, r.committed = e, 0
	r.failed, r.outstanding = make(map[uint64]bool), make(map[uint64]jet.Msg)
}

// deliver makes work of a message. One that is no reply of ours passes through the loop as well,
// so that messages are acknowledged in their order.
func (r *replies) deliver(m jet.Msg) {
	w := &work{reply: m.Seq, epoch: m.Epoch, trace: m.Header.Get(wire.HeaderTraceParent), again: m.Redelivered}
	reply, origin, err := wire.DecodeReply(r.names, m.Subject, m.Header, m.Data)
	switch {
	case err != nil:
		r.bury(m, err)
	case origin != r.origin:
		r.bury(m, fmt.Errorf("the reply is to store %s, this is store %s", origin, r.origin))
	default:
		if mark, ok := wire.MarkOf(reply.Participant, m.Header); ok {
			w.mark = mark
		}
		w.id, w.event = reply.SagaID, saga.Replied{At: r.now().UTC().Truncate(time.Microsecond), Reply: reply}
	}
	r.mu.Lock()
	r.outstanding[m.Seq] = m
	r.mu.Unlock()
	if err := r.submit(r.ctx, w); err != nil && r.ctx.Err() == nil {
		r.log.Error().Err(err).Msg("a reply was not taken; it comes again")
	}
}

// bury makes a dead letter. If even that fails the reply is dropped: its command is sent again.
func (r *replies) bury(m jet.Msg, cause error) {
	if err := r.dead.publish(r.ctx, wire.DeadReply, m, wire.CodeMalformed, cause); err != nil && r.ctx.Err() == nil {
		r.log.Warn().Err(err).Msg("dead letter")
	}
}

// behind is how far everything is committed.
func (r *replies) behind(context.Context) (reach, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return reach{r.epoch.Incarnation, r.committed}, nil
}

// done acknowledges a committed batch with one message: everything up to the last of it, unless
// something before could not be committed.
func (r *replies) done(items []*work) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var last jet.Msg
	for _, w := range items {
		if w.reply == 0 || w.epoch != r.epoch.Number {
			continue
		}
		if m := r.outstanding[w.reply]; m.Seq > last.Seq {
			last = m
		}
		delete(r.outstanding, w.reply)
		delete(r.failed, w.reply)
	}
	if last.Seq == 0 || len(r.failed) > 0 {
		return
	}
	r.committed = max(r.committed, last.Seq)
	if err := last.Ack(); err != nil {
		r.log.Warn().Err(err).Msg("ack of replies; they come again")
	}
}

// refused notes that a reply could not be committed.
func (r *replies) refused(w *work) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.epoch == r.epoch.Number {
		r.failed[w.reply] = true
	}
}
