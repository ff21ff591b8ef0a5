package floor

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
)

// till has the rows of a bank.
type till struct {
	bank      string
	names     wire.Names
	db        *outbox.DB
	loop      *outbox.Loop[*jet.Msg]
	queue     *gatherer[*jet.Msg]
	publisher *jet.Publisher
	commands  *jet.Reader
	log       zerolog.Logger
	sent      atomic.Int64

	ctx      context.Context // of run
	numbered bool            // the present transaction has its number
	number   int64
}

func openTill(ctx context.Context, cfg Config, bank string, conn *nats.Conn, names wire.Names, size *atomic.Int64) (*till, error) {
	t := &till{bank: bank, names: names, log: cfg.Log}
	var err error
	if t.db, err = participants.Open(ctx, filepath.Join(cfg.Dir, "floor-"+bank+".db"), ledger.Migrations()); err != nil {
		return nil, err
	}
	if err := t.db.Write(ctx, func(tx outbox.Tx) error { return openAccounts(ctx, tx, cfg.Accounts) }); err != nil {
		return nil, err
	}
	t.loop = outbox.NewLoop[*jet.Msg](t.db, t, room)
	t.queue = newGatherer(t.loop, size)
	if t.publisher, err = jet.NewPublisher(conn, 0); err != nil {
		return nil, err
	}
	t.commands, err = jet.NewReader(jet.ReaderConfig{
		Conn: conn, Stream: names.Commands(), Prefetch: room, Log: cfg.Log, Deliver: t.receive,
		Consumer: func(incarnation string) jetstream.ConsumerConfig {
			return jetstream.ConsumerConfig{Durable: bank + "-" + incarnation, AckPolicy: jetstream.AckExplicitPolicy, AckWait: 30 * time.Second,
				MaxAckPending: 4 * room, FilterSubject: names.CommandFilter(bank)}
		},
	})
	return t, err
}

func openAccounts(ctx context.Context, tx outbox.Tx, n int) error {
	for i := range n {
		_, err := tx.ExecContext(ctx, `INSERT INTO accounts (account, currency, balance, version) VALUES (?, 'EUR', 1000000000, 0) ON CONFLICT DO NOTHING`, strconv.Itoa(i))
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *till) run(ctx context.Context) error {
	t.ctx = ctx
	defer t.publisher.Close()
	var parts errgroup.Group
	parts.Go(func() error { return t.loop.Run(ctx) })
	parts.Go(func() error { return t.queue.run(ctx) })
	parts.Go(func() error { return t.commands.Run(ctx) })
	return parts.Wait()
}

func (t *till) receive(m jet.Msg) { t.queue.submit(t.ctx, &m) }

// Begin implements [outbox.Worker].
func (t *till) Begin() { t.numbered = false }

// Apply moves the money of a command.
func (t *till) Apply(tx outbox.Tx, m *jet.Msg) error {
	if !t.numbered {
		if err := tx.QueryRowContext(t.ctx, `UPDATE inbox_commits SET number = number + 1 RETURNING number`).Scan(&t.number); err != nil {
			return err
		}
		t.numbered = true
	}
	var o ledger.Order
	if err := json.Unmarshal(m.Data, &o); err != nil {
		return err
	}
	id, step := m.Header[wire.HeaderID][0], m.Header[wire.HeaderStep][0]
	hash := sha256.Sum256(m.Data)
	_, err := tx.ExecContext(t.ctx, `INSERT INTO inbox (saga, step, origin, state, forward_hash, backward_hash,
		outcome, code, message, result, undo_result, commit_number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`, id, step, m.Header[wire.HeaderOrigin][0], "succeeded", hash[:], nil, "succeeded", "", "", "{}", nil, t.number)
	if err != nil {
		return err
	}
	change := o.Amount
	if step == "debit" {
		change = -o.Amount
	}
	_, err = tx.ExecContext(t.ctx, `UPDATE accounts SET balance = balance + ?, version = version + 1 WHERE account = ? AND currency = ? AND closed = 0`, change, o.Account, o.Currency)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(t.ctx, `INSERT INTO entries (saga, step, kind, account, amount, balance, version, reverses, posted)
		SELECT ?, ?, ?, account, ?, balance, version, ?, ? FROM accounts WHERE account = ?`,
		id, step, step, o.Amount, nil, time.Now().UnixMicro(), o.Account)
	return err
}

// Committed answers, and acknowledges each command when its answer is stored.
func (t *till) Committed(commands []*jet.Msg) {
	for _, m := range commands {
		r := saga.Reply{SagaID: m.Header[wire.HeaderID][0], Step: m.Header[wire.HeaderStep][0], Direction: saga.Forward, Attempt: 1,
			Participant: t.bank, Outcome: saga.Succeeded}
		h := wire.EncodeReply(r, m.Header[wire.HeaderOrigin][0])
		h[wire.HeaderStore], h[wire.HeaderSession] = []string{t.db.StoreID()}, []string{t.bank}
		h[wire.HeaderCommit] = []string{strconv.FormatInt(t.number, 10)}
		h[wire.HeaderMsgID] = []string{t.db.StoreID() + "/" + strconv.FormatInt(t.db.Boot()<<40|t.sent.Add(1), 10)}
		t.publisher.PublishMsg(&nats.Msg{Subject: m.Header[wire.HeaderReplyTo][0], Header: h, Data: []byte("{}")}, func(err error) {
			if err == nil {
				err = m.Ack()
			}
			t.report(err)
		})
	}
}

// Failed implements [outbox.Worker].
func (t *till) Failed(_ *jet.Msg, err error) { t.report(err) }

func (t *till) report(err error) {
	if err != nil && t.ctx.Err() == nil {
		t.log.Error().Err(err).Msg("floor")
	}
}
