package jet

import (
	"sync/atomic"

	"github.com/nats-io/nats.go"
)

// ReaderStats say what a [Reader] has met since it was made.
type ReaderStats struct {
	Delivered    uint64 // messages, repeats included
	Redelivered  uint64 // of these: delivered before by the same consumer
	Epochs       uint64 // subscriptions: each reconnect and each loss is another one
	Incarnations uint64 // changes of the stream's incarnation: it, or the broker's whole store, was lost
}

type readerCounters struct {
	delivered, redelivered, epochs, incarnations atomic.Uint64
}

// Stats may be called at any time.
func (r *Reader) Stats() ReaderStats {
	c := &r.counters
	return ReaderStats{Delivered: c.delivered.Load(), Redelivered: c.redelivered.Load(),
		Epochs: c.epochs.Load(), Incarnations: c.incarnations.Load()}
}

// Stream is the name of what is read.
func (r *Reader) Stream() string { return r.cfg.Stream }

func (c *readerCounters) delivery(meta *nats.MsgMetadata) {
	c.delivered.Add(1)
	if meta.NumDelivered > 1 {
		c.redelivered.Add(1)
	}
}

// begun counts an epoch; was is the incarnation of the one before, "" for none.
func (c *readerCounters) begun(was, is string) {
	c.epochs.Add(1)
	if was != "" && was != is {
		c.incarnations.Add(1)
	}
}
