package orchestrator

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// deadLetters publishes what could not be handled, with the reason.
type deadLetters struct {
	js    jetstream.JetStream
	names wire.Names

	starts, replies atomic.Uint64 // published
}

const deadTimeout = 5 * time.Second

// publish returns nil only when the broker has the dead letter on its disk.
func (d *deadLetters) publish(ctx context.Context, what string, m jet.Msg, code string, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, deadTimeout)
	defer cancel()
	dead := &nats.Msg{Subject: d.names.DeadSubject(what), Data: m.Data, Header: nats.Header{
		wire.HeaderErrorCode:  {code},
		wire.HeaderError:      {oneSentence(cause)},
		wire.HeaderOriginSubj: {m.Subject},
		wire.HeaderOriginSeq:  {strconv.FormatUint(m.Seq, 10)},
	}}
	if _, err := d.js.PublishMsg(ctx, dead); err != nil {
		return fmt.Errorf("dead letter of %s: %w", m.Subject, err)
	}
	if what == wire.DeadStart {
		d.starts.Add(1)
	} else {
		d.replies.Add(1)
	}
	return nil
}

// counts are the dead letters by what they were.
func (d *deadLetters) counts() map[string]uint64 {
	return map[string]uint64{wire.DeadStart: d.starts.Load(), wire.DeadReply: d.replies.Load()}
}
