package orchestrator_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestCommandComesAgainAfterARestart with another message id, so that the broker does not drop it.
func TestCommandComesAgainAfterARestart(t *testing.T) {
	r := newRig(t).running()
	r.begin("transfer", "T-1", transferInput(1))
	first := r.hears("T-1/debit/forward", 1)
	r.halt()
	r.running()
	again := r.hears("T-1/debit/forward", 1)
	if first.Header.Get("Nats-Msg-Id") == again.Header.Get("Nats-Msg-Id") {
		t.Errorf("the same message id %s", again.Header.Get("Nats-Msg-Id"))
	}
	first.Header.Del("Nats-Msg-Id")
	again.Header.Del("Nats-Msg-Id")
	if fmt.Sprint(first.Header, string(first.Data), first.Subject) != fmt.Sprint(again.Header, string(again.Data), again.Subject) {
		t.Errorf("the command has changed:\n%v\n%v", first.Header, again.Header)
	}
}

// TestReplyWaitsForTheOrchestrator: what was answered while it was down is read when it is back.
func TestReplyWaitsForTheOrchestrator(t *testing.T) {
	r := newRig(t).running()
	r.begin("transfer", "T-1", transferInput(1))
	debit := r.hears("T-1/debit/forward", 1)
	r.halt()
	r.says(debit, saga.Succeeded)
	r.running()
	r.eventually("credit sent", func() bool { return (<-r.commands).Header.Get("Saga-Op") == "T-1/credit/forward" })
}

// TestUnreadStartIsReadAfterARestart: a PubAck on a start is a promise.
func TestUnreadStartIsReadAfterARestart(t *testing.T) {
	r := newRig(t).running()
	r.halt()
	_, err := r.js.Publish(t.Context(), "saga.start.transfer.T-1", []byte(transferInput(1)))
	r.must(err)
	r.running()
	r.hears("T-1/debit/forward", 1)
}

// TestStreamsAreMadeAgain: all of them deleted under a running orchestrator, and every unanswered
// command is sent again without anybody stepping in.
func TestStreamsAreMadeAgain(t *testing.T) {
	r := newRig(t).running()
	r.begin("transfer", "T-1", transferInput(1))
	r.hears("T-1/debit/forward", 1)
	r.wipe()
	debit := r.hears("T-1/debit/forward", 1)
	r.says(debit, saga.Succeeded)
	r.says(r.hears("T-1/credit/forward", 1), saga.Succeeded)
	r.reaches("T-1", saga.Completed)
	r.eventually("healthy", func() bool { return r.o.Health().Status == wire.HealthOK })
	_, err := r.js.Publish(t.Context(), "saga.start.transfer.T-2", []byte(transferInput(1)))
	r.must(err)
	r.hears("T-2/debit/forward", 1)
}

// TestConsumerDeleted: replies are read all the same.
func TestConsumerDeleted(t *testing.T) {
	r := newRig(t).running()
	r.begin("transfer", "T-1", transferInput(1))
	debit := r.hears("T-1/debit/forward", 1)
	stream, err := r.js.Stream(t.Context(), "SAGA_REPLIES")
	r.must(err)
	for name := range stream.ConsumerNames(t.Context()).Name() {
		r.must(stream.DeleteConsumer(t.Context(), name))
	}
	r.says(debit, saga.Succeeded)
	r.hears("T-1/credit/forward", 1)
}

// TestDriftIsMended: somebody changed a stream that Giro relies on.
func TestDriftIsMended(t *testing.T) {
	r := newRig(t).running()
	stream, err := r.js.Stream(t.Context(), "SAGA_STARTS")
	r.must(err)
	cfg := stream.CachedInfo().Config
	cfg.Discard = jetstream.DiscardOld
	_, err = r.js.UpdateStream(t.Context(), cfg)
	r.must(err)
	r.eventually("set back", func() bool {
		info, err := stream.Info(t.Context())
		r.must(err)
		return info.Config.Discard == jetstream.DiscardNew
	})
}

// TestSecondStoreIsRefused until it takes the streams over on purpose.
func TestSecondStoreIsRefused(t *testing.T) {
	r := newRig(t).running()
	db, err := outbox.Open(t.Context(), outbox.Config{Path: filepath.Join(t.TempDir(), "other.db"), Migrations: orchestrator.Migrations()})
	r.must(err)
	defer db.Close()
	conn, err := r.server.Connect("other")
	r.must(err)
	defer conn.Close()
	other, err := orchestrator.New(t.Context(), orchestrator.Config{DB: db, Conn: conn})
	r.must(err)
	if err := other.Run(t.Context()); !errors.Is(err, orchestrator.ErrForeignStreams) || !strings.Contains(err.Error(), r.db.StoreID()) || !strings.Contains(err.Error(), "--adopt") {
		t.Fatalf("%v", err)
	}
	r.halt()
	adopting, err := orchestrator.New(t.Context(), orchestrator.Config{DB: db, Conn: conn, Adopt: true})
	r.must(err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- adopting.Run(ctx) }()
	r.eventually("adopted", func() bool { return adopting.Health().Status == wire.HealthOK })
	stream, err := r.js.Stream(t.Context(), "SAGA_STARTS")
	r.must(err)
	if got := stream.CachedInfo().Config.Metadata["giro.origin"]; got != db.StoreID() {
		t.Errorf("the streams belong to %s", got)
	}
	cancel()
	r.must(<-ended)
}

// TestStartsAreTrimmed behind what is committed, and never before.
func TestStartsAreTrimmed(t *testing.T) {
	r := newRig(t).running()
	const n = 2500
	for i := range n {
		_, err := r.js.PublishAsync(fmt.Sprintf("saga.start.transfer.T-%d", i), []byte(transferInput(1)))
		r.must(err)
	}
	stream, err := r.js.Stream(t.Context(), "SAGA_STARTS")
	r.must(err)
	r.eventually("trimmed", func() bool {
		info, err := stream.Info(t.Context())
		r.must(err)
		return info.State.LastSeq == n && info.State.FirstSeq > 1
	})
	var list struct{ Items []saga.Document }
	r.eventually("all started", func() bool {
		r.list(`{"limit":1}`, &list)
		return len(list.Items) == 1 && list.Items[0].ID == fmt.Sprintf("T-%d", n-1)
	})
	info, err := stream.Info(t.Context())
	r.must(err)
	if info.State.Msgs < 1000 {
		t.Errorf("only %d starts are left to look at", info.State.Msgs)
	}
}

// TestCommandsAndRepliesAreTrimmed behind what is answered and committed, all but those that people may want to look
// at. A command that nobody has answered stays.
func TestCommandsAndRepliesAreTrimmed(t *testing.T) {
	r := newRig(t).running()
	held := make(chan *nats.Msg, 16)
	bank, err := r.conn.Subscribe("saga.command.>", func(m *nats.Msg) {
		if m.Header.Get(wire.HeaderID) == "T-0" {
			held <- m
			return
		}
		if err := r.conn.PublishMsg(r.reply(m, saga.Succeeded)); err != nil {
			t.Error(err)
		}
	})
	r.must(err)
	r.must(bank.SetPendingLimits(-1, -1))
	begin := func(from, to int) {
		for i := from; i < to; i++ {
			r.must(r.conn.Publish(fmt.Sprintf("saga.start.transfer.T-%d", i), []byte(transferInput(1))))
		}
	}
	stream := func(name string) jetstream.Stream {
		stream, err := r.js.Stream(t.Context(), name)
		r.must(err)
		return stream
	}
	state := func(name string) jetstream.StreamState { return stream(name).CachedInfo().State }
	waits := func() bool {
		_, err := stream("SAGA_COMMANDS").GetLastMsgForSubject(t.Context(), "saga.command.A.debit.waits")
		if !errors.Is(err, jetstream.ErrMsgNotFound) {
			r.must(err)
		}
		return err == nil
	}
	const n, later = 2000, 6000
	begin(1, n+1)
	r.eventually("first commands", func() bool { return state("SAGA_COMMANDS").LastSeq == 2*n })
	r.begin("transfer", "T-0", strings.Replace(transferInput(1), `"1"`, `"waits"`, 1))
	begin(n+1, later+1)
	r.eventually("all commands", func() bool { return state("SAGA_COMMANDS").LastSeq == 2*later+1 })
	r.eventually("replies are trimmed", func() bool { return state("SAGA_REPLIES").FirstSeq > 1 })
	begin(1, 2002) // again, so that what is trimmed every second was looked at once more
	r.eventually("starts are trimmed", func() bool { s := state("SAGA_STARTS"); return s.LastSeq == later+2001 && s.FirstSeq > later })
	if !waits() {
		t.Error("a command that nobody has answered is gone")
	}
	r.says(<-held, saga.Rejected)
	r.eventually("it is trimmed with the others", func() bool { return !waits() })
	within := func(when string) {
		for _, name := range []string{"SAGA_COMMANDS", "SAGA_REPLIES"} {
			r.eventually(name+when, func() bool { return state(name).Msgs <= 7000 })
			if s := state(name); s.Msgs < 5000 {
				t.Errorf("%s%s: %+v", name, when, s)
			}
		}
	}
	within(" once")
	begin(later+1, later+2001)
	r.eventually("more commands", func() bool { return state("SAGA_COMMANDS").LastSeq == 2*later+4001 })
	within(" again")
}

// TestEventBytes: the stream of the events is as large as it was asked to be, also one that is there already.
func TestEventBytes(t *testing.T) {
	r := newRig(t)
	for _, asked := range []int64{0, 1 << 30, 1 << 20} {
		r.start(orchestrator.Config{EventBytes: asked})
		r.eventually("ready", func() bool { return r.o.Health().Status == wire.HealthOK })
		stream, err := r.js.Stream(t.Context(), "SAGA_EVENTS")
		r.must(err)
		want := asked
		if asked == 0 {
			want = orchestrator.DefaultEventBytes
		}
		if got := stream.CachedInfo().Config.MaxBytes; got != want {
			t.Errorf("asked for %d: %d", asked, got)
		}
		r.halt()
	}
	db, err := outbox.Open(t.Context(), outbox.Config{Path: filepath.Join(t.TempDir(), "another.db"), Migrations: orchestrator.Migrations()})
	r.must(err)
	defer db.Close()
	for _, wrong := range []int64{-1, 1000} {
		if _, err := orchestrator.New(t.Context(), orchestrator.Config{DB: db, Conn: r.conn, EventBytes: wrong}); err == nil {
			t.Errorf("%d bytes were taken", wrong)
		}
	}
}
