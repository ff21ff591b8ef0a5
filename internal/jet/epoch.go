package jet

import (
	"context"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
)

// epoch subscribes and delivers until the subscription breaks or ctx ends. It returns
// whether it came to deliver, and why it ended.
func (r *Reader) epoch(ctx context.Context, status <-chan nats.Status) (lived bool, err error) {
	if !r.cfg.Conn.IsConnected() {
		return false, ErrDisconnected
	}
	ctx, end := context.WithCancelCause(ctx)
	defer r.watchStatus(ctx, status, end)()
	defer end(nil)
	s, err := r.subscribe(ctx)
	if err != nil {
		return false, err
	}
	p, err := newPull(r.cfg.Conn, s.consumer.CachedInfo(), r.cfg.Prefetch, r.pace)
	if err != nil {
		return false, fmt.Errorf("subscribe: %w", err)
	}
	defer p.close()
	e := r.begin(s)
	defer r.over()
	return true, p.run(ctx, func(m *nats.Msg) { r.deliver(e, m, s.ackNone) })
}

// watchStatus ends the epoch when the connection breaks, also in the midst of a request
// (nats.go lets a request that was under way wait for its timeout) or of a Deliver. The
// returned function waits until status is not read any more; the epoch's context must
// have ended.
func (r *Reader) watchStatus(ctx context.Context, status <-chan nats.Status, end context.CancelCauseFunc) (wait func()) {
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-status:
				if s != nats.CONNECTED {
					end(ErrDisconnected)
					r.over()
					return
				}
			}
		}
	})
	return wg.Wait
}

func (r *Reader) begin(s subscription) Epoch {
	e := Epoch{Number: r.last.Number + 1, Incarnation: s.incarnation}
	r.counters.begun(r.last.Incarnation, e.Incarnation)
	r.last = e
	if r.cfg.Epoch != nil {
		r.cfg.Epoch(e)
	}
	r.consumer.Store(&s.consumer)
	r.current.Store(e.Number)
	r.cfg.Log.Debug().Str("stream", r.cfg.Stream).Uint64("epoch", e.Number).Str("incarnation", e.Incarnation).Msg("reading")
	return e
}

// over forbids acknowledgements of the epoch before anything of the next one can begin.
func (r *Reader) over() { r.current.Store(0) }

func (r *Reader) deliver(e Epoch, m *nats.Msg, ackNone bool) {
	meta, err := m.Metadata()
	if err != nil {
		r.cfg.Log.Error().Err(err).Str("subject", m.Subject).Msg("not a message of a stream: ignored")
		return
	}
	r.counters.delivery(meta)
	msg := Msg{
		Subject: m.Subject, Header: m.Header, Data: m.Data,
		Seq: meta.Sequence.Stream, Time: meta.Timestamp, Epoch: e.Number, Redelivered: meta.NumDelivered > 1, reader: r,
	}
	if !ackNone {
		msg.reply = m.Reply
	}
	r.cfg.Deliver(msg)
}
