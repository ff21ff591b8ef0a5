package jet

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

const (
	defaultPrefetch = 512
	minPause        = 50 * time.Millisecond // before subscribing again
	maxPause        = time.Second
)

// ReaderConfig says what a [Reader] reads. Conn, Stream, Consumer and Deliver are required.
type ReaderConfig struct {
	Conn   *nats.Conn
	Stream string

	// Consumer describes the pull consumer to read with in the given incarnation of the
	// stream. The name of a durable must contain the incarnation. AckWait must be well
	// above the time from delivery to Ack, since it runs while messages are prefetched.
	// Without a name the consumer is ephemeral and every epoch begins where the deliver
	// policy says.
	Consumer func(incarnation string) jetstream.ConsumerConfig

	// Stem is the part of a durable's name before the incarnation. When set, durables of
	// the same stem and another incarnation are deleted at the start of an epoch.
	Stem string

	// Deliver gets the messages in the order the broker delivers them, one at a time. It
	// may block: then the reader asks for no more. It must return when Run's context ends.
	Deliver func(m Msg)

	// Epoch is told of every new subscription before its first Deliver, never beside one.
	// May be nil.
	Epoch func(e Epoch)

	Prefetch int // messages asked for ahead; default 512
	Log      zerolog.Logger
}

// Epoch is one subscription of a reader.
type Epoch struct {
	Number      uint64 // 1, 2, ... for one Reader
	Incarnation string // of the stream, see [Incarnation]
}

// Reader keeps reading one stream: after a reconnect, a restart of the broker, the loss of
// the consumer, of the stream or of the broker's whole store it begins a new epoch. A
// durable is then set back to what was acknowledged, so all else comes again, oldest first.
type Reader struct {
	cfg  ReaderConfig
	js   jetstream.JetStream
	pace pace

	last     Epoch         // the latest; only Run's goroutine uses it
	current  atomic.Uint64 // number of the epoch that is running; 0 between epochs
	consumer atomic.Pointer[jetstream.Consumer]
	counters readerCounters
}

// NewReader checks cfg; nothing is read before Run.
func NewReader(cfg ReaderConfig) (*Reader, error) {
	if cfg.Conn == nil || cfg.Stream == "" || cfg.Consumer == nil || cfg.Deliver == nil {
		return nil, errors.New("reader: Conn, Stream, Consumer and Deliver are required")
	}
	if cfg.Prefetch <= 0 {
		cfg.Prefetch = defaultPrefetch
	}
	js, err := jetstream.New(cfg.Conn)
	if err != nil {
		return nil, err
	}
	return &Reader{cfg: cfg, js: js, pace: defaultPace}, nil
}

// Run reads until ctx ends (nil) or the connection is closed (ErrClosed). Everything else
// that goes wrong is logged and tried again. After Run has returned nothing is delivered
// any more; what was delivered and not acknowledged comes again in the next run.
func (r *Reader) Run(ctx context.Context) error {
	status := r.cfg.Conn.StatusChanged(nats.CONNECTED, nats.RECONNECTING, nats.CLOSED)
	defer r.cfg.Conn.RemoveStatusListener(status)
	log := onChange{log: r.cfg.Log.With().Str("stream", r.cfg.Stream).Logger()}
	pause := minPause
	for {
		lived, err := r.epoch(ctx, status)
		if ctx.Err() != nil {
			return nil
		}
		if r.cfg.Conn.IsClosed() {
			return ErrClosed
		}
		log.report(err, lived)
		if lived {
			pause = minPause
		}
		waitConnected(ctx, status, pause)
		pause = min(2*pause, maxPause)
	}
}

// Ready reports whether the reader is subscribed and connected.
func (r *Reader) Ready() bool { return r.current.Load() != 0 && r.cfg.Conn.IsConnected() }

// Backlog is the number of messages in the stream that are for this reader and not
// acknowledged yet (with AckNone: not delivered yet). 0 means: everything stored before
// the call was worked off. Between epochs it returns ErrNotReady.
func (r *Reader) Backlog(ctx context.Context) (uint64, error) {
	epoch, c := r.current.Load(), r.consumer.Load()
	if epoch == 0 {
		return 0, ErrNotReady
	}
	info, err := (*c).Info(ctx)
	if err != nil {
		return 0, err
	}
	if !r.live(epoch) {
		return 0, ErrNotReady
	}
	return info.NumPending + uint64(info.NumAckPending), nil
}

// live reports whether the epoch of this number is running.
func (r *Reader) live(epoch uint64) bool { return r.current.Load() == epoch }

// waitConnected waits for d, or less when the connection comes back.
func waitConnected(ctx context.Context, status <-chan nats.Status, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			return
		case s := <-status:
			if s != nats.RECONNECTING {
				return
			}
		}
	}
}

// onChange logs why epochs end or do not begin, once for each new reason: a stream that
// is missing for an hour is one line.
type onChange struct {
	log  zerolog.Logger
	last string
}

func (l *onChange) report(err error, lived bool) {
	if lived {
		l.last = ""
	}
	if reason := err.Error(); reason != l.last {
		l.log.Warn().Err(err).Msg("not reading; trying again")
		l.last = reason
	}
}
