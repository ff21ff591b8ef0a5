package participants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"
)

// Before it reads a command a participant tells the orchestrator which database it has and how many commits that
// has. If that is an older copy, or another database, what it answered since is missing here: it is done again
// first, or a person decides. docs/restore.md is about that.

const (
	askFor    = 10 * time.Second // one request
	askFirst  = 20 * time.Millisecond
	askAtMost = 2 * time.Second // between requests
	unheard   = 3 * time.Second // without an orchestrator, before a person is told
)

// greet returns when the participant may serve. Without an orchestrator it waits, for no command is
// lost by that, unless no orchestrator owns the stream that it reads.
func (p *Participant) greet(ctx context.Context) error {
	var replayed *wire.Replayed
	pause, since := askFirst, time.Now()
	for {
		w, err := p.introduce(ctx, replayed)
		if err == nil && w.State != wire.WelcomeWait {
			err = p.skipTo(ctx, w.Ahead)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errNobody) && p.ownerless(ctx):
			p.waits("", false)
			p.log.Warn().Str("stream", p.names.Commands()).Msg("no orchestrator owns the stream of commands; serving without having said hello")
			return nil
		case err != nil:
			p.waits("no orchestrator has said that it may serve: "+err.Error(), time.Since(since) > unheard)
		case w.State == wire.WelcomeServe:
			p.waits("", true)
			return nil
		case w.State == wire.WelcomeReplay:
			p.waits(w.Reason, true)
			if replayed, err = p.redo(ctx); err == nil {
				pause = 0
			} else {
				p.log.Warn().Err(err).Msg("what its database lacks is not done again yet; trying again")
			}
		default:
			p.waits("quarantined: "+w.Reason, true)
		}
		if err := p.rest(ctx, pause); err != nil {
			return err
		}
		pause = min(max(2*pause, askFirst), askAtMost)
	}
}

// errNobody: no orchestrator is there.
var errNobody = errors.New("none is there")

// ownerless says whether the stream of commands was made by somebody who is no orchestrator: there is nobody to
// ask then, and nobody who could know of a younger copy.
func (p *Participant) ownerless(ctx context.Context) bool {
	js, err := jetstream.New(p.conn)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	stream, err := js.Stream(ctx, p.names.Commands())
	return err == nil && stream.CachedInfo().Config.Metadata[wire.MetaOrigin] == ""
}

// rest waits, but not when an orchestrator has started.
func (p *Participant) rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-p.called:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// waits keeps why the participant does not serve. If it matters, a person is told, once.
func (p *Participant) waits(why string, matters bool) {
	p.waiting.Store(&why)
	switch {
	case !matters || p.told == why:
		return
	case why != "":
		p.log.Warn().Str("why", why).Msg("no command is read yet")
	default:
		p.log.Info().Msg("it serves")
	}
	p.told = why
}

// Waiting says why the participant reads no commands although it runs; "" if it may.
func (p *Participant) Waiting() string {
	if why := p.waiting.Load(); why != nil {
		return *why
	}
	return ""
}

// Serving is closed when the participant may serve. Until then what its handlers work on may be an older copy,
// and is to be left alone.
func (p *Participant) Serving() <-chan struct{} { return p.serving }

func (p *Participant) hello(ctx context.Context, h wire.Hello) (w wire.Welcome, err error) {
	h.Name, h.Store, h.Session = p.name, p.db.StoreID(), p.session
	if h.Commit, h.From, err = p.position(ctx); err != nil {
		return w, err
	}
	err = p.ask(ctx, wire.VerbHello, h, &w)
	return w, err
}

// ask is a request to the orchestrator.
func (p *Participant) ask(ctx context.Context, verb string, request, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	body, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	m, err := p.conn.RequestMsgWithContext(ctx, &nats.Msg{Subject: p.names.API(verb), Data: body})
	if errors.Is(err, nats.ErrNoResponders) {
		return errNobody
	}
	if err == nil && m.Header.Get(micro.ErrorCodeHeader) != "" {
		err = errors.New(m.Header.Get(micro.ErrorHeader))
	}
	if err == nil {
		err = json.Unmarshal(m.Data, answer)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	return nil
}

// opened is a database that knows the numbers of the commits that it was opened with: the highest, and one up to
// which none is missing.
type opened interface{ Opened() (last, complete int64) }

// position is how far the database is. Where there are several writers, what was written since it was opened is
// not to be taken for what was there.
func (p *Participant) position(ctx context.Context) (commit, from int64, err error) {
	if db, ok := p.db.(opened); ok {
		last, complete := db.Opened()
		commit, from = max(last, p.ahead), complete
		return commit, from, nil
	}
	if err := p.db.Read().GetContext(ctx, &commit, `SELECT number FROM inbox_commits`); err != nil {
		return 0, 0, fmt.Errorf("read the commit number: %w", err)
	}
	return commit, commit, nil
}

// skipTo gives the next commits numbers above one that was used before, perhaps by what is lost now.
func (p *Participant) skipTo(ctx context.Context, number int64) error {
	commit, _, err := p.position(ctx)
	if err != nil || commit >= number {
		return err
	}
	write := func(query string) error {
		return p.db.Write(ctx, func(tx Tx) error {
			_, err := tx.ExecContext(ctx, query)
			return err
		})
	}
	if p.db.Dialect() == outbox.SQLite {
		err = write(`UPDATE inbox_commits SET number = ` + strconv.FormatInt(number, 10))
	} else { // the number of a transaction is taken at its beginning: the second one has a new one
		err = errors.Join(write(`SELECT setval('commits', greatest((SELECT last_value FROM commits), `+strconv.FormatInt(number, 10)+`))`),
			write(`SELECT 1`))
	}
	if err != nil {
		return fmt.Errorf("skip to commit %d: %w", number, err)
	}
	p.ahead = number
	return nil
}
