package participants

import (
	"context"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// Offline is a participant without a broker: commands are offered by hand, replies are handed
// to answered, which takes the broker's part.
func Offline(db Database, answered func(*nats.Msg)) *Participant {
	p, err := New(Config{Name: "P", DB: db, Log: zerolog.Nop()})
	if err != nil {
		panic(err)
	}
	p.publisher = answeredBy(answered)
	return p
}

// Offer hands over a command as if it had been read.
func (p *Participant) Offer(ctx context.Context, c saga.Command) error {
	return p.spread.submit(ctx, &delivery{command: c, envelope: wire.Envelope{Origin: "origin1"}})
}

// RunLoop works until ctx ends.
func (p *Participant) RunLoop(ctx context.Context) error { return p.spread.run(ctx) }

type answeredBy func(*nats.Msg)

func (f answeredBy) PublishMsg(m *nats.Msg, done func(error)) {
	f(m)
	done(nil)
}
