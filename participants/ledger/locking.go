package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/girohq/giro/coordination"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/saga"
	"github.com/jmoiron/sqlx"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// maxLocks bounds the locks that one transaction takes. Each costs the broker three round trips,
	// and the transaction waits for all of them.
	maxLocks = 64
	// maxLockWait is how long a transaction waits for locks that others have, all in all. The commands
	// whose locks it did not get come again.
	maxLockWait = time.Second
	// oneLockWait is how long it waits for one of them.
	oneLockWait = 250 * time.Millisecond
)

// locking takes the locks of the accounts that a transaction will change, before it begins. They
// are taken in the order of their names, so that two processes cannot wait for each other, and
// given back after the commit. That they were held all the time is not believed: each change has
// its token checked.
type locking struct {
	bank string
	open func(ctx context.Context) (*coordination.Locks, error) // not before the broker is there
	find func(ctx context.Context, c saga.Command) ([]string, error)

	opening sync.Mutex
	locks   *coordination.Locks // under opening; nil: not opened yet
}

// errTooMany: the command comes again, and finds room.
var errTooMany = errors.New("too many accounts are locked at once")

// enter is the participant's hook.
func (l *locking) enter(commands []saga.Command) participants.Entry {
	accounts, all := make([][]string, len(commands)), []string(nil)
	for i := range commands {
		accounts[i] = l.accounts(&commands[i])
		all = append(all, accounts[i]...)
	}
	values, busy, leave := l.hold(all)
	e := participants.Entry{Values: values, Leave: leave}
	if len(busy) == 0 {
		return e
	}
	e.Refused = make([]error, len(commands))
	for i := range commands {
		for _, account := range accounts[i] {
			if err := busy[account]; err != nil {
				e.Refused[i] = later(CodeLocked, err)
			}
		}
	}
	return e
}

// accounts are those whose locks a command needs: that of its arguments, and for what takes back or
// makes final that of the effect, as the bank has recorded it. That is nearly always the same.
func (l *locking) accounts(c *saga.Command) (all []string) {
	var o Order
	if err := json.Unmarshal(c.Body, &o); err == nil && saga.IsID(o.Account) {
		all = append(all, o.Account) // else there is no such account, and the command is refused
	}
	// Not found for want of a database: then the lock is missing too, and the command comes again.
	recorded, _ := l.find(context.Background(), *c)
	return append(all, recorded...)
}

// hold takes the locks of accounts. It returns a context with their tokens, why it did not get the
// others, and how to give them back.
func (l *locking) hold(accounts []string) (values context.Context, busy map[string]error, leave func()) {
	ctx, cancel := context.WithCancel(context.Background())
	held, busy := l.take(ctx, slices.Compact(slices.Sorted(slices.Values(accounts))))
	tokens := make([]coordination.Token, len(held))
	for i, h := range held {
		tokens[i] = h.Token()
	}
	return Under(ctx, tokens...), busy, func() {
		defer cancel() // what could not be given back is not renewed any more
		l.giveBack(ctx, held)
	}
}

func (l *locking) take(ctx context.Context, accounts []string) (held []*coordination.Held, busy map[string]error) {
	waiting, cancel := context.WithTimeout(ctx, maxLockWait)
	defer cancel()
	busy = map[string]error{}
	locks, err := l.ready(ctx)
	for i, account := range accounts {
		if err == nil && len(held) == maxLocks {
			err = errTooMany
		}
		if err != nil { // the broker does not answer, or it is enough
			for _, account := range accounts[i:] {
				busy[account] = fmt.Errorf("account %s: %w", account, err)
			}
			break
		}
		h, failed := l.one(ctx, waiting, locks, LockName(l.bank, account))
		switch {
		case failed == nil:
			held = append(held, h)
		case errors.Is(failed, coordination.ErrHeld):
			busy[account] = failed
		default:
			busy[account], err = failed, failed
		}
	}
	return held, busy
}

// ready opens the locks when they are first needed.
func (l *locking) ready(ctx context.Context) (*coordination.Locks, error) {
	l.opening.Lock()
	defer l.opening.Unlock()
	if l.locks != nil {
		return l.locks, nil
	}
	locks, err := l.open(ctx)
	if err == nil {
		l.locks = locks
	}
	return locks, err
}

// one takes a lock that is free, and waits a little for one that is not while there is time. The
// lock itself must outlive the waiting.
func (l *locking) one(ctx, waiting context.Context, locks *coordination.Locks, name string) (*coordination.Held, error) {
	if waiting.Err() != nil {
		return locks.TryAcquire(ctx, name)
	}
	return locks.Acquire(ctx, name)
}

// giveBack ends at the first lock that the broker does not take back: their time will be over.
func (l *locking) giveBack(ctx context.Context, held []*coordination.Held) {
	for _, h := range held {
		if err := h.Release(ctx); err != nil && !errors.Is(err, coordination.ErrLost) {
			return
		}
	}
}

// openLocks makes the locks of a bank on its own connection.
func (c Config) openLocks(ctx context.Context) (*coordination.Locks, error) {
	js, err := jetstream.New(c.Conn)
	if err != nil {
		return nil, err
	}
	return coordination.OpenLocks(ctx, coordination.Config{JetStream: js, Bucket: LocksBucket(c.Prefix), Wait: oneLockWait, Races: c.Races,
		Owner: fmt.Sprintf("giro bank %s, pid %d", c.Bank, os.Getpid())})
}

// LocksBucket is the key-value bucket of the accounts' locks, for a prefix of subjects.
func LocksBucket(prefix string) string {
	return strings.ToUpper(cmp.Or(prefix, wire.DefaultPrefix)) + "_LEDGER_LOCKS"
}

// recordedAccounts are those of the effect that a command takes back or makes final. A first forward
// has none, and is not looked for.
func recordedAccounts(ctx context.Context, db *sqlx.DB, c saga.Command) (accounts []string, err error) {
	if try, ok := saga.TryOf(c.Step); ok {
		fresh := try + "~"
		err = db.SelectContext(ctx, &accounts, `SELECT account FROM holds WHERE saga = $1 AND (step = $2 OR substr(step, 1, $3) = $4)`,
			c.SagaID, try, len(fresh), fresh)
	} else if c.Direction == saga.Backward {
		err = db.SelectContext(ctx, &accounts, `SELECT account FROM entries WHERE saga = $1 AND step = $2
			UNION SELECT account FROM holds WHERE saga = $3 AND step = $4`, c.SagaID, c.Step, c.SagaID, c.Step)
	}
	return accounts, err
}
