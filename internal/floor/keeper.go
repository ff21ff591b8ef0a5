package floor

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
)

// keeper has the rows of an orchestrator.
type keeper struct {
	conn      *nats.Conn
	names     wire.Names
	db        *outbox.DB
	loop      *outbox.Loop[*turn]
	queue     *gatherer[*turn]
	publisher *jet.Publisher
	replies   *jet.Reader
	log       zerolog.Logger
	sent      atomic.Int64

	open    map[string]*transfer // of the loop's goroutine, and what it has committed
	ctx     context.Context      // of run
	history int64                // the last row's number
}

// transfer is one that has begun.
type transfer struct {
	seq   int64
	id    string
	order ledger.Transfer
	ask   *nats.Msg
	next  outbox.Message // the last command
}

// turn is what moves a transfer: its start, or a reply.
type turn struct {
	ask   *nats.Msg
	reply jet.Msg
	id    string
	t     *transfer // once it was applied
	event int64
}

// room is how much may wait for a loop, and be read ahead.
const room = 8192

func openKeeper(ctx context.Context, cfg Config, conn *nats.Conn, names wire.Names, size *atomic.Int64) (*keeper, error) {
	k := &keeper{conn: conn, names: names, log: cfg.Log, open: make(map[string]*transfer)}
	var err error
	k.db, err = outbox.Open(ctx, outbox.Config{Path: filepath.Join(cfg.Dir, "floor.db"), Migrations: orchestrator.Migrations()})
	if err != nil {
		return nil, err
	}
	err = k.db.Write(ctx, func(tx outbox.Tx) error { // whom the rows of the history name
		_, err := tx.ExecContext(ctx, `INSERT INTO participants (seq, name, store, session, base, heard, recorded, state)
			VALUES (1, 'bank', '', '', 0, 0, 0, 'serving') ON CONFLICT DO NOTHING`)
		return err
	})
	if err != nil {
		return nil, err
	}
	k.loop = outbox.NewLoop[*turn](k.db, k, room)
	k.queue = newGatherer(k.loop, size)
	if k.publisher, err = jet.NewPublisher(conn, 0); err != nil {
		return nil, err
	}
	k.replies, err = jet.NewReader(jet.ReaderConfig{
		Conn: conn, Stream: names.Replies(), Log: cfg.Log,
		Deliver: func(m jet.Msg) { k.queue.submit(k.ctx, &turn{reply: m, id: m.Header[wire.HeaderID][0]}) },
		Consumer: func(incarnation string) jetstream.ConsumerConfig {
			return jetstream.ConsumerConfig{Durable: "keeper-" + incarnation, AckPolicy: jetstream.AckAllPolicy, AckWait: 30 * time.Second,
				MaxAckPending: 4 * room, FilterSubject: names.ReplyFilter()}
		},
	})
	return k, err
}

func (k *keeper) run(ctx context.Context) error {
	k.ctx = ctx
	asks, err := k.conn.Subscribe(request, func(m *nats.Msg) { k.queue.submit(k.ctx, &turn{ask: m, id: m.Header[wire.HeaderID][0]}) })
	if err != nil {
		return err
	}
	defer func() { _ = asks.Unsubscribe() }() // fails only on a connection that is gone
	defer k.publisher.Close()
	var parts errgroup.Group
	parts.Go(func() error { return k.loop.Run(ctx) })
	parts.Go(func() error { return k.queue.run(ctx) })
	parts.Go(func() error { return k.replies.Run(ctx) })
	return parts.Wait()
}

// Begin implements [outbox.Worker].
func (k *keeper) Begin() {}

// Apply writes the rows of a turn. What a row says does not matter, its size does.
func (k *keeper) Apply(tx outbox.Tx, w *turn) error {
	now := time.Now().UnixMicro()
	if w.ask != nil {
		return k.begin(tx, w, now)
	}
	w.t = k.open[w.id]
	if w.t == nil {
		return fmt.Errorf("floor: a reply to transfer %s, which is not open", w.id)
	}
	if w.step() == "debit" {
		return k.move(tx, w, now)
	}
	return k.end(tx, w, now)
}

func (w *turn) step() string { return w.reply.Header[wire.HeaderStep][0] }

func (k *keeper) begin(tx outbox.Tx, w *turn, now int64) error {
	t := &transfer{id: w.id, ask: w.ask}
	if err := json.Unmarshal(w.ask.Data, &t.order); err != nil {
		return err
	}
	res, err := tx.ExecContext(k.ctx, `INSERT INTO sagas (id, type, version, state, revision, created, updated, finished, deadline, timer, input, data)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		w.id, "transfer", 1, "running", int64(1), now, now, nil, nil, nil, w.ask.Data, []byte(filler(200)))
	if err != nil {
		return err
	}
	if t.seq, err = res.LastInsertId(); err != nil {
		return err
	}
	w.t, k.open[w.id] = t, t
	if err := k.note(tx, w, now, "started", "accepted"); err != nil {
		return err
	}
	return k.put(tx, t, "debit")
}

func (k *keeper) move(tx outbox.Tx, w *turn, now int64) error {
	if err := k.update(tx, w, now, "running", 2, nil, 270); err != nil {
		return err
	}
	if err := k.note(tx, w, now, "replied", ""); err != nil {
		return err
	}
	if err := outbox.Delete(tx, op(w.t, "debit")); err != nil {
		return err
	}
	return k.put(tx, w.t, "credit")
}

func (k *keeper) end(tx outbox.Tx, w *turn, now int64) error {
	if err := k.update(tx, w, now, "completed", 3, now, 336); err != nil {
		return err
	}
	if err := k.note(tx, w, now, "replied", "completed"); err != nil {
		return err
	}
	return outbox.Delete(tx, op(w.t, "credit"))
}

func (k *keeper) update(tx outbox.Tx, w *turn, now int64, state string, revision int64, finished any, size int) error {
	_, err := tx.ExecContext(k.ctx, `UPDATE sagas SET state = ?, revision = ?, updated = ?, finished = ?, data = ? WHERE seq = ? AND revision = ?`,
		state, revision, now, finished, []byte(filler(size)), w.t.seq, revision-1)
	return err
}

func (k *keeper) note(tx outbox.Tx, w *turn, now int64, kind, event string) error {
	var step, direction, attempt, outcome, events any
	if w.ask == nil {
		step, direction, attempt, outcome = w.step(), "forward", 1, "succeeded"
	}
	if event != "" {
		events = event
	}
	res, err := tx.ExecContext(k.ctx, `INSERT INTO history (saga, at, kind, step, direction, attempt, outcome, code, message, note, event, participant, committed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, w.t.seq, now, kind, step, direction, attempt, outcome, nil, nil, nil, events, 1, k.history)
	if err != nil {
		return err
	}
	k.history, err = res.LastInsertId()
	w.event = k.history
	return err
}

func op(t *transfer, step string) string { return t.id + "/" + step + "/forward" }

func (k *keeper) put(tx outbox.Tx, t *transfer, step string) error {
	t.next = k.command(t, step)
	return outbox.Put(tx, t.next)
}

// command is one of the two that a transfer needs.
func (k *keeper) command(t *transfer, step string) outbox.Message {
	place := t.order.From
	if step == "credit" {
		place = t.order.To
	}
	body, _ := json.Marshal(ledger.Order{Account: place.Account, Amount: t.order.Amount, Currency: t.order.Currency}) // strings and a number
	subject, header := wire.EncodeCommand(k.names, saga.Command{SagaID: t.id, SagaType: "transfer", Step: step, Kind: saga.Compensatable,
		Direction: saga.Forward, Attempt: 1, Revision: 1, Participant: place.Bank, Action: step, Key: place.Account}, k.db.StoreID())
	return outbox.Message{Key: op(t, step), Subject: subject, Header: header, Body: body, Attempt: 1, Timeout: 30 * time.Second}
}

// Committed sends what follows, and acknowledges the replies.
func (k *keeper) Committed(turns []*turn) {
	var last jet.Msg
	for _, w := range turns {
		switch {
		case w.ask != nil:
			k.send(w.t)
			k.tell(w, "accepted")
			continue
		case w.step() == "debit":
			k.send(w.t)
		default:
			delete(k.open, w.id)
			k.answer(w)
		}
		last = w.reply
	}
	if last.Seq > 0 {
		k.report(last.Ack())
	}
}

func (k *keeper) send(t *transfer) {
	m := &t.next
	m.Header[wire.HeaderAttempt] = []string{"1"}
	k.publisher.Publish(m, m.Key+"/"+strconv.FormatInt(k.sent.Add(1), 10), k.report)
}

// tell publishes an event and returns the document in it.
func (k *keeper) tell(w *turn, event string) []byte {
	doc := document(w.id, event)
	h := nats.Header{wire.HeaderMsgID: {"event/" + strconv.FormatInt(w.event, 10)}, wire.HeaderID: {w.id}}
	k.publisher.PublishMsg(&nats.Msg{Subject: k.names.EventSubject("transfer", w.id, event), Header: h, Data: doc}, k.report)
	return doc
}

func (k *keeper) answer(w *turn) { k.report(w.t.ask.Respond(k.tell(w, "completed"))) }

// document has the size of the product's.
func document(id, state string) []byte {
	return []byte(`{"id":"` + id + `","state":"` + state + `","type":"` + filler(700) + `"}`)
}

// Failed implements [outbox.Worker].
func (k *keeper) Failed(_ *turn, err error) { k.report(err) }

func (k *keeper) report(err error) {
	if err != nil && k.ctx.Err() == nil {
		k.log.Error().Err(err).Msg("floor")
	}
}
