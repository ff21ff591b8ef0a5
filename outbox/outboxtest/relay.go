package outboxtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/girohq/giro/outbox"
)

// broker takes what is published and says that it has it, but for the first of what it is to refuse.
type broker struct {
	sent   chan string
	refuse chan error
}

func newBroker() broker { return broker{make(chan string, 64), make(chan error, 1)} }

func (b broker) Publish(m *outbox.Message, id string, done func(error)) {
	var refused error // decided before who waits for the sending can ask for a refusal of the next one
	select {
	case refused = <-b.refuse:
	default:
	}
	b.sent <- id + " " + string(m.Body) + m.Header["H"][0]
	done(refused)
}

// relay runs a relay until the test, or what is returned, ends it.
func relay(t *testing.T, cfg outbox.RelayConfig) (r *outbox.Relay, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(bg)
	r = outbox.NewRelay(cfg)
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	stop = func() {
		cancel()
		must(t, receive(t, ended))
	}
	return r, stop
}

// loaded is as relay, with a row of its own in the table before; it returns when that was sent. What is put
// from then on the relay hears of only once.
func loaded(t *testing.T, cfg outbox.RelayConfig, b broker) (r *outbox.Relay, stop func()) {
	t.Helper()
	put(t, cfg.DB, message("k0"))
	r, stop = relay(t, cfg)
	if got := receive(t, b.sent); got != "k0/1.1.1 k0h" {
		t.Errorf("sent %q", got)
	}
	return r, stop
}

func first(t *testing.T, by Open) {
	db, b := open(t, by), newBroker()
	r, stop := loaded(t, outbox.RelayConfig{DB: db, Publisher: b}, b)
	defer stop()
	b.refuse <- errors.New("away")
	all := []outbox.Message{message("k1"), message("k2"), message("k3")}
	put(t, db, all...)
	r.Committed(all, nil)
	// What the broker did not take is sent again, as it was, a second later.
	for _, id := range []string{"k1/1.1.2", "k2/1.1.3", "k3/1.1.4", "k1/1.1.2"} {
		if got, want := receive(t, b.sent), id+" "+id[:2]+"h"; got != want {
			t.Errorf("sent %q, want %q", got, want)
		}
	}
}

func restart(t *testing.T, by Open) {
	for boot, keys := range [][]string{{"k3", "k1", "k2"}, {"k3", "k1"}} {
		db, err := by()
		must(t, err)
		if boot == 0 {
			put(t, db, message("k3"), message("k1"), message("k2")) // and nobody sends them
		}
		b := newBroker()
		r, stop := relay(t, outbox.RelayConfig{DB: db, Publisher: b})
		for n, key := range keys {
			if got, want := receive(t, b.sent), fmt.Sprintf("%s/1.%d.%d %sh", key, boot+1, n+1, key); got != want {
				t.Errorf("sent %q, want %q", got, want)
			}
		}
		must(t, db.Write(bg, func(tx outbox.Tx) error { return outbox.Delete(tx, "k2") }))
		r.Committed(nil, []string{"k2"})
		stop()
		must(t, db.Close())
	}
}

func silence(t *testing.T, by Open) {
	db, b := open(t, by), newBroker()
	expired := make(chan string, 8)
	r, stop := loaded(t, outbox.RelayConfig{DB: db, Publisher: b, Expired: func(key string, attempt int) {
		expired <- fmt.Sprint(key, attempt)
	}}, b)
	defer stop()
	m := message("k")
	m.Timeout = time.Millisecond
	put(t, db, m)
	r.Committed([]outbox.Message{m}, nil)
	if got := receive(t, expired); got != "k1" {
		t.Errorf("expired %s", got)
	}
	again := outbox.Message{Key: "k", Attempt: 2, Timeout: time.Millisecond}
	put(t, db, again)
	r.Committed([]outbox.Message{again}, nil)
	if got := receive(t, expired); got != "k2" {
		t.Errorf("expired %s", got)
	}
	for _, want := range []string{"k/1.1.2 kh", "k/2.1.3 kh"} {
		if got := receive(t, b.sent); got != want {
			t.Errorf("sent %q, want %q", got, want)
		}
	}
}
