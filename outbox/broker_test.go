package outbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// broker is a publisher that notes what it is given and answers as the test says.
type broker struct {
	mu     sync.Mutex
	sent   []sent
	answer func(id string) error // nil: stored; errHold: no answer until release
	held   []func(error)
}

type sent struct {
	at  time.Duration // since the relay was made
	id  string
	msg *Message
}

var (
	errHold = errors.New("hold")
	errAway = errors.New("broker away")
)

func (b *broker) Publish(m *Message, id string, done func(error)) {
	b.mu.Lock()
	kept := *m
	kept.Header = maps.Clone(m.Header)
	m.Header["Id"] = []string{id} // a publisher may: the header is its own
	b.sent = append(b.sent, sent{time.Since(epochStart), id, &kept})
	var err error
	if b.answer != nil {
		err = b.answer(id)
	}
	if err == errHold {
		b.held = append(b.held, done)
	}
	b.mu.Unlock()
	if err != errHold {
		done(err)
	}
}

// epochStart is where the clock of every synctest bubble begins.
var epochStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (b *broker) say(answer func(id string) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = answer
}

// release answers the publish that was held as the i-th.
func (b *broker) release(i int, err error) {
	b.mu.Lock()
	done := b.held[i]
	b.mu.Unlock()
	done(err)
}

func (b *broker) all() []sent {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.sent)
}

func (b *broker) ids() (ids []string) {
	for _, s := range b.all() {
		ids = append(ids, s.id)
	}
	return ids
}

// rig is a relay over a real database in a bubble of virtual time.
type rig struct {
	t *testing.T
	*Relay
	db      *DB
	broker  *broker
	mu      sync.Mutex
	expired []string // "key/attempt at"
	gate    error
	asked   int
	stop    func()
}

// inBubble runs test with a relay that runs.
func inBubble(t *testing.T, test func(b *rig)) {
	synctest.Test(t, func(t *testing.T) {
		b := newRig(t, openAt(t, newPath(t)))
		b.run()
		test(b)
	})
}

func newRig(t *testing.T, db *DB) *rig {
	b := &rig{t: t, db: db, broker: &broker{}}
	b.Relay = NewRelay(RelayConfig{
		DB: db, Publisher: b.broker, AttemptHeader: "Attempt",
		Rand: func() float64 { return 0 },
		Expired: func(key string, attempt int) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.expired = append(b.expired, fmt.Sprintf("%s/%d %v", key, attempt, time.Since(epochStart)))
		},
		Gate: func(context.Context) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.asked++
			return b.gate
		},
	})
	return b
}

func (b *rig) run() {
	ctx, cancel := context.WithCancel(bg)
	ended := make(chan error)
	go func() { ended <- b.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		must(b.t, <-ended)
	})
	b.t.Cleanup(b.stop)
	synctest.Wait()
}

// pass lets virtual time go by.
func (b *rig) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// commit puts and deletes as an owner does.
func (b *rig) commit(put []Message, deleted ...string) {
	b.t.Helper()
	must(b.t, b.db.Write(bg, func(tx Tx) error {
		for _, m := range put {
			if err := Put(tx, m); err != nil {
				return err
			}
		}
		for _, key := range deleted {
			if err := Delete(tx, key); err != nil {
				return err
			}
		}
		return nil
	}))
	b.Committed(put, deleted)
	synctest.Wait()
}

func (b *rig) wantIDs(want ...string) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.broker.ids()); diff != "" {
		b.t.Fatal(diff)
	}
}

func (b *rig) wantExpired(want ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if diff := cmp.Diff(want, b.expired); diff != "" {
		b.t.Fatal(diff)
	}
}

func message(key string, attempt int) Message {
	return Message{Key: key, Subject: "s." + key, Header: map[string][]string{"H": {key}}, Body: []byte(key), Attempt: attempt, Timeout: 5 * time.Second}
}

func messages(n int) (all []Message) {
	for i := range n {
		all = append(all, message(fmt.Sprintf("k%04d", i), 1))
	}
	return all
}

func away(string) error { return errAway }
func hold(string) error { return errHold }
