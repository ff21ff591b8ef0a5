package orchestrator

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/rs/zerolog"
)

// The earliest timer of a batch is the one that counts, however many come with it.
func TestTheEarliestTimerIsHeard(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	db, err := outbox.Open(ctx, outbox.Config{Path: filepath.Join(t.TempDir(), "o.db"), Migrations: Migrations()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	woke, first, ended := make(chan string, 1), make(chan bool, 1), make(chan error)
	timers := &timers{
		armed: make(chan struct{}, 1),
		db:    db.Read(), now: time.Now, log: zerolog.Nop(), gate: func(context.Context) error { return nil }, stopped: func() error { return nil },
		submit: func(ctx context.Context, w *work) error {
			woke <- w.id
			cancel()
			return ctx.Err()
		},
	}
	timers.ticks = &ticks{db: db.Read(), now: func() time.Time { // it is asked last when the timers look
		select {
		case first <- true:
		default:
		}
		return time.Now()
	}}
	go func() { ended <- timers.Run(ctx) }()
	<-first
	at := time.Now().Add(50 * time.Millisecond)
	if err := db.Write(ctx, func(tx outbox.Tx) error {
		_, _, err := insertSaga(ctx, tx, &saga.Instance{ID: "S-1", Type: "s", State: saga.Running, Input: []byte("{}")}, at)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	batch := make([]time.Time, outbox.MaxBatch*16)
	for i := range batch {
		batch[i] = at.Add(30 * 24 * time.Hour)
	}
	timers.arm(append(batch, at))
	select {
	case <-woke:
	case <-time.After(10 * time.Second):
		t.Error("not woken")
		cancel()
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestNothingFiresInAnOlderCopy: a time that has come meanwhile could lead a saga another way than it has gone.
func TestNothingFiresInAnOlderCopy(t *testing.T) {
	timers := &timers{stopped: func() error { return errors.New("it is an older copy") }}
	if wait, err := timers.look(t.Context()); wait != lookAtTimers || err != nil {
		t.Errorf("%s, %v", wait, err)
	}
}
