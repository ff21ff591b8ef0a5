package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
)

// poisonFaults send what nobody can read.
var poisonFaults = []Fault{
	{Name: "poison", Takes: 3 * time.Second, Sentence: "for two seconds one message in ten is garbage: commands, replies and starts", Strike: poison},
}

// perTransfer is about how many messages a transfer has: a start, two commands and two replies.
const perTransfer = 5

// poison follows the traffic: whenever transfers were asked for, it adds its tenth.
func poison(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
	limited, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	sent, before := 0, s.book.count()
	for rest(limited, 50*time.Millisecond) {
		now := s.book.count()
		for range 1 + (now-before)*perTransfer/10 {
			if err := s.conn.PublishMsg(s.garbage(rng)); err != nil {
				break // the broker is away; there is more time
			}
			sent++
		}
		before = now
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if sent == 0 {
		return "", errNotFired
	}
	return fmt.Sprintf("%d messages", sent), insist(ctx, s.conn.FlushWithContext)
}

// garbage is a message on a subject that somebody reads, and that nobody can have meant.
func (s *system) garbage(rng *rand.Rand) *nats.Msg {
	id, bank, account := fmt.Sprintf("T-%d", 1+rng.IntN(1000)), bankName(rng.IntN(len(s.banks))), fmt.Sprint(rng.IntN(accounts))
	subjects := []string{
		s.names.CommandSubject(bank, "debit", account), s.names.CommandSubject(bank, "credit", account),
		s.names.CommandSubject(bank, "steal", account), s.names.CommandSubject(bank, "refund", "a key of nobody"),
		s.names.ReplySubject(bank, id), s.names.ReplySubject(nobody, "X-"+id),
		s.names.StartSubject("transfer", "X-"+id), s.names.StartSubject("teleport", id), s.names.StartSubject(hasty, id) + ".more",
	}
	m := &nats.Msg{Subject: subjects[rng.IntN(len(subjects))], Data: garbageBody(rng), Header: nats.Header{}}
	for _, name := range []string{wire.HeaderID, wire.HeaderStep, wire.HeaderDirection, wire.HeaderOutcome, wire.HeaderAttempt, wire.HeaderOp} {
		switch rng.IntN(4) {
		case 0:
			m.Header[name] = []string{id}
		case 1:
			m.Header[name] = []string{"no such thing", "-1"}
		}
	}
	return m
}

// garbageBody is never an object in JSON.
func garbageBody(rng *rand.Rand) []byte {
	switch rng.IntN(5) {
	case 0:
		return nil
	case 1:
		return []byte(`{"from":{"bank":"A","account":"1"`)
	case 2:
		return []byte(`[1,2,3]`)
	case 3:
		return []byte("null")
	}
	body := make([]byte, 1+rng.IntN(64<<10))
	for i := range body {
		body[i] = byte(rng.Uint32())
	}
	body[0] = 0xff
	return body
}
