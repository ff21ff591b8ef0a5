package histories

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
)

var (
	runs = flag.Int("histories.runs", 8, "how many histories are made and checked")
	each = flag.Int("histories.ops", 600, "operations of clients in each")
	seed = flag.Uint64("histories.seed", 0, "of the operations; 0: a new one, printed")
)

const (
	ids       = 24
	answerIn  = 2 * time.Second
	checkIn   = time.Minute
	eternity  = int64(24 * time.Hour)
	faultOnce = 3 // in so many histories the node is stopped in the middle of one
)

// TestHistories makes histories of many clients and checks them: per id, per account, and the sums.
func TestHistories(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	w := newWorld(t)
	var sums tally
	for run := range *runs {
		h := newHistory(w, run)
		h.make()
		h.check()
		sums.add(h)
		if t.Failed() {
			break
		}
	}
	t.Logf("%d histories, %d operations (%d without an answer), %d sagas (%d completed), %d reads of accounts, %d audits of moving money",
		sums.histories, sums.ops, sums.unknown, sums.sagas, sums.completed, sums.reads, sums.audits)
	if sums.completed == 0 || sums.sagas == sums.completed || sums.reads == 0 || sums.audits == 0 || *runs > faultOnce && sums.unknown == 0 {
		t.Error("void: these histories have shown nothing")
	}
}

// tally counts over histories.
type tally struct{ histories, ops, unknown, sagas, completed, reads, audits int }

func (s *tally) add(h *history) {
	s.histories++
	s.audits += h.audits
	for _, list := range h.byID {
		s.ops += len(list)
		for _, o := range list {
			if o.Return == eternity {
				s.unknown++
			}
		}
	}
	for _, list := range h.reads {
		s.reads += len(list)
	}
	for _, e := range h.ends {
		s.sagas++
		if e.doc.State == saga.Completed {
			s.completed++
		}
	}
}

// history is what clients asked and were told in one run.
type history struct {
	w     *world
	run   int
	began time.Time
	first map[string]int64 // balances at the beginning, when nothing moves

	mu     sync.Mutex
	byID   map[string][]porcupine.Operation
	reads  map[string][]porcupine.Operation // by account
	starts map[string]int64                 // when an id was first asked for
	ends   map[string]ending                // when its end was first known
	audits int
}

type ending struct {
	at  int64
	doc saga.Document
}

func newHistory(w *world, run int) *history {
	h := &history{w: w, run: run, began: time.Now(), first: map[string]int64{}, byID: map[string][]porcupine.Operation{},
		reads: map[string][]porcupine.Operation{}, starts: map[string]int64{}, ends: map[string]ending{}}
	for _, account := range accountNames() {
		balance, err := w.balance(w.t.Context(), account)
		if err != nil {
			w.t.Fatal(err)
		}
		h.first[account] = balance
	}
	return h
}

func accountNames() (names []string) {
	for _, bank := range banks {
		for i := range accounts {
			names = append(names, bank+fmt.Sprint(i))
		}
	}
	return names
}

func (h *history) now() int64 { return int64(time.Since(h.began)) }

// make lets clients ask, audits beside them, and now and then stops the node under them. It returns when
// all sagas have ended.
func (h *history) make() {
	ctx := h.w.t.Context()
	var asking, watching sync.WaitGroup
	half := make(chan struct{}, clients)
	for n := range clients {
		rng := rand.New(rand.NewPCG(*seed, uint64(h.run*clients+n)))
		asking.Go(func() {
			for i := range *each / clients {
				if i == *each/clients/2 {
					half <- struct{}{}
				}
				h.one(ctx, n, rng)
			}
		})
	}
	over, stop := context.WithCancel(ctx)
	watching.Go(func() { h.auditUntil(over) })
	if h.run%faultOnce == 1 {
		<-half
		h.w.again(h.run%(2*faultOnce) == 1)
	}
	asking.Wait()
	h.settle(ctx)
	stop()
	watching.Wait()
}

// one makes one request.
func (h *history) one(ctx context.Context, n int, rng *rand.Rand) {
	if rng.IntN(4) == 0 {
		h.read(ctx, accountNames()[rng.IntN(2*accounts)])
		return
	}
	in := sagaIn{op: start, id: fmt.Sprintf("H%d-%d-%d", *seed%1000, h.run, rng.IntN(ids)), input: rng.IntN(8) / 7}
	switch rng.IntN(10) {
	case 0:
		in.op, in.input = cancel, 0
	case 1, 2, 3, 4:
		in.op, in.input = get, 0
	}
	h.ask(ctx, n, in)
}

// ask asks for a saga, and notes what was told.
func (h *history) ask(ctx context.Context, n int, in sagaIn) {
	limited, done := context.WithTimeout(ctx, answerIn)
	defer done()
	c, call := h.w.client(n), h.now()
	var doc saga.Document
	var err error
	switch in.op {
	case start:
		h.asked(in.id, call)
		doc, err = c.Start(limited, "transfer", in.id, inputOf(in), client.WithWait(waits(n)))
	case get:
		doc, err = c.Get(limited, in.id)
	case cancel:
		doc, err = c.Cancel(limited, in.id, "a whim")
	}
	out, returned := sagaOut{answerOf(err), doc.State}, h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.ends[in.id]; err == nil && doc.State.Terminal() && !known {
		h.ends[in.id] = ending{returned, doc}
	}
	if out.answer == unknown {
		returned = eternity
	}
	if in.op == start && waits(n) > 0 && out.answer == shown { // it was accepted, and then it looked
		h.note(n, sagaIn{op: get, id: in.id}, out, call, returned)
		out = sagaOut{answer: accepted}
	}
	h.note(n, in, out, call, returned)
}

// waits is how long a client waits for the end of what it starts.
func waits(n int) time.Duration { return time.Duration(n%2) * time.Second / 2 }

func (h *history) note(n int, in sagaIn, out sagaOut, call, returned int64) {
	h.byID[in.id] = append(h.byID[in.id], porcupine.Operation{ClientId: n, Input: in, Call: call, Output: out, Return: returned})
}

func (h *history) asked(id string, call int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.starts[id]; !known {
		h.starts[id] = call
	}
}

func answerOf(err error) string {
	var p *client.Problem
	switch {
	case err == nil:
		return shown
	case errors.As(err, &p) && p.Code == client.CodeNotFound:
		return notFound
	case errors.As(err, &p) && p.Code == client.CodeConflict:
		return conflict
	}
	return unknown
}

// inputOf is a transfer that its id and the number of its input decide; some ask for more than there may be,
// and some go to nobody.
func inputOf(in sagaIn) map[string]any {
	rng := rand.New(rand.NewPCG(uint64(in.input), hashed(in.id)))
	from := rng.IntN(2)
	to := fmt.Sprint(rng.IntN(accounts))
	if rng.IntN(8) == 0 {
		to = "nobody"
	}
	return map[string]any{
		"from":   map[string]any{"bank": banks[from], "account": fmt.Sprint(rng.IntN(accounts))},
		"to":     map[string]any{"bank": banks[1-from], "account": to},
		"amount": 1 + rng.IntN(opening/2), "currency": "EUR",
	}
}

func hashed(s string) (sum uint64) {
	for _, c := range s {
		sum = sum*31 + uint64(c)
	}
	return sum
}

func (h *history) read(ctx context.Context, account string) {
	call := h.now()
	balance, err := h.w.balance(ctx, account)
	returned := h.now()
	if err != nil {
		h.w.t.Errorf("read account %s: %v", account, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reads[account] = append(h.reads[account], porcupine.Operation{Input: move{account: account}, Call: call, Output: balance, Return: returned})
}

// settle waits for the end of every saga that may have been started.
func (h *history) settle(ctx context.Context) {
	limited, done := context.WithTimeout(ctx, readyFor)
	defer done()
	for id := range h.starts {
		doc, err := h.w.client(0).Wait(limited, id)
		if answerOf(err) == notFound {
			continue
		}
		if err != nil {
			h.w.t.Errorf("saga %s: %v: %+v", id, err, doc)
			return
		}
		if _, known := h.ends[id]; !known {
			h.ends[id] = ending{h.now(), doc}
		}
	}
}

// auditUntil audits beside what moves.
func (h *history) auditUntil(over context.Context) {
	for over.Err() == nil {
		report, err := h.w.audit(over)
		switch {
		case over.Err() != nil:
		case err != nil:
			h.w.t.Errorf("audit: %v", err)
			return
		case !report.OK:
			h.w.t.Errorf("a snapshot of moving money: %+v", report.Violations)
			return
		default:
			h.audits++
		}
	}
}

// check judges the history, partition by partition.
func (h *history) check() {
	for id, ops := range h.byID {
		h.linearizable(id, sagaModel(), ops)
	}
	moves := h.moves()
	for account, balance := range h.first {
		h.linearizable(account, accountModel(balance), append(moves[account], h.reads[account]...))
	}
}

// moves are what the sagas did to the accounts, somewhen between the first request and the known end.
func (h *history) moves() map[string][]porcupine.Operation {
	all := map[string][]porcupine.Operation{}
	for id, end := range h.ends {
		var in struct {
			From, To struct{ Bank, Account string }
			Amount   int64
		}
		decode(h.w.t, end.doc.Input, &in)
		add := func(account string, change int64, maybe bool) {
			all[account] = append(all[account], porcupine.Operation{Input: move{account, id, change, maybe}, Call: h.starts[id], Return: end.at})
		}
		payer := in.From.Bank + in.From.Account
		undone := end.doc.State != saga.Completed
		add(payer, -in.Amount, undone)
		if undone {
			add(payer, in.Amount, true)
		} else {
			add(in.To.Bank+in.To.Account, in.Amount, false)
		}
	}
	return all
}

// linearizable fails the test where a history has no order, and leaves its picture behind.
func (h *history) linearizable(what string, model porcupine.Model, ops []porcupine.Operation) {
	result, info := porcupine.CheckOperationsVerbose(model, ops, checkIn)
	if result == porcupine.Ok {
		return
	}
	f, err := os.CreateTemp("", "history-"+strings.ReplaceAll(what, "/", "-")+"-*.html")
	if err == nil {
		err = errors.Join(porcupine.Visualize(model, info, f), f.Close())
	}
	if err != nil {
		h.w.t.Error(err)
		return
	}
	h.w.t.Errorf("seed %d, run %d: the %d operations on %s are %s: see %s", *seed, h.run, len(ops), what, result, f.Name())
}
