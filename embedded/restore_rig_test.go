package embedded

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/girohq/giro/internal/audit"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/participants/ledger"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// restoreRig is a data directory whose node is stopped and started, with copies of its databases.
type restoreRig struct {
	*testing.T
	dir   string
	node  *Node
	end   context.CancelFunc
	ended chan error
	log   *lines

	names    []string // of the node's banks
	patience string   // seconds for a transfer to end
	cfg      Config   // besides what the rig sets
}

func restoreBranch(name string) ledger.Branch {
	b := ledger.Branch{Bank: name}
	for i := range restoreAccounts {
		b.Accounts = append(b.Accounts, ledger.Account{Account: fmt.Sprint(i), Currency: "EUR", Balance: 100})
	}
	return b
}

// lines are what was logged.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(b))
	return len(b), nil
}

func (l *lines) say(what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.all, func(line string) bool { return strings.Contains(line, what) })
}

func newRestoreRig(t *testing.T) *restoreRig {
	return &restoreRig{T: t, dir: t.TempDir(), log: &lines{}, names: []string{"A", "B"}, patience: "60"}
}

func (r *restoreRig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

const restoreAccounts = 8

// start starts the node without waiting for it to be ready.
func (r *restoreRig) start() {
	r.Helper()
	r.log.mu.Lock()
	r.log.all = nil
	r.log.mu.Unlock()
	var banks []ledger.Branch
	for _, name := range r.names {
		banks = append(banks, restoreBranch(name))
	}
	cfg := r.cfg
	cfg.Data, cfg.Log, cfg.Banks = r.dir, zerolog.New(r.log), banks
	n, err := New(r.Context(), cfg)
	r.must(err)
	ctx, end := context.WithCancel(context.Background())
	r.node, r.end, r.ended = n, end, make(chan error, 1)
	go func() { r.ended <- n.Run(ctx) }()
	r.Cleanup(func() { end() })
}

func (r *restoreRig) ready() {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	r.must(r.node.Ready(ctx))
}

func (r *restoreRig) stop() {
	r.Helper()
	r.end()
	r.must(<-r.ended)
}

// transfer carries out transfers there and back, of amounts that some accounts have not got, and waits for
// their ends.
func (r *restoreRig) transfer(name string, n int) {
	r.Helper()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			from, to := "A", "B"
			if i%2 == 1 {
				from, to = to, from
			}
			account := fmt.Sprint(i % restoreAccounts)
			if i%5 == 4 {
				account = "nobody"
			}
			input := fmt.Sprintf(`{"from":{"bank":%q,"account":"%d"},"to":{"bank":%q,"account":%q},"amount":%d,"currency":"EUR"}`,
				from, (i*7)%restoreAccounts, to, account, 10+i%60)
			_, err := r.node.Orchestrator().Start(r.Context(), "transfer", []byte(input),
				nats.Header{wire.HeaderID: {fmt.Sprintf("%s-%d", name, i)}, wire.HeaderPrefer: {"wait=" + r.patience}})
			if err != nil {
				r.Error(err)
			}
		})
	}
	all.Wait()
}

// copyOf makes a copy of a database in use.
func (r *restoreRig) copyOf(file string) (path string) {
	r.Helper()
	path = filepath.Join(r.TempDir(), file)
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(r.dir, file)+"?_busy_timeout=10000")
	r.must(err)
	defer db.Close()
	_, err = db.Exec(`VACUUM INTO ?`, path)
	r.must(err)
	return path
}

// restore puts a copy in the place of a database.
func (r *restoreRig) restore(file, copied string) {
	r.Helper()
	path := filepath.Join(r.dir, file)
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + end); err != nil && !os.IsNotExist(err) {
			r.Fatal(err)
		}
	}
	content, err := os.ReadFile(copied)
	r.must(err)
	r.must(os.WriteFile(path, content, 0o600))
}

func (r *restoreRig) audit() {
	r.Helper()
	files, err := audit.In(r.dir)
	r.must(err)
	report, err := audit.Run(r.Context(), files)
	r.must(err)
	if !report.OK {
		r.Errorf("audit: %+v", report.Violations)
	}
	for _, b := range report.Banks {
		r.Logf("%+v", b)
	}
}

func (r *restoreRig) call(verb string, request, answer any) {
	r.Helper()
	body, err := json.Marshal(request)
	r.must(err)
	data, err := r.node.Orchestrator().Call(r.Context(), verb, body, nil)
	r.must(err)
	r.must(json.Unmarshal(data, answer))
}

func (r *restoreRig) member(name string) wire.Member {
	r.Helper()
	var roll wire.Roll
	r.call(wire.VerbRoll, struct{}{}, &roll)
	for _, m := range roll.Items {
		if m.Name == name {
			return m
		}
	}
	r.Fatalf("no participant %s", name)
	return wire.Member{}
}

func (r *restoreRig) copy() (c wire.Copy) {
	r.Helper()
	r.call(wire.VerbCopy, struct{}{}, &c)
	return c
}

func (r *restoreRig) eventually(what string, is func() bool) {
	r.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(30 * time.Second); !is(); {
		select {
		case <-tick.C:
		case <-end:
			r.Fatalf("never: %s\n%s", what, r.log.all)
		}
	}
}

// balances are all accounts'.
func (r *restoreRig) balances() string {
	r.Helper()
	var all []string
	for _, bank := range []string{"A", "B"} {
		db, err := sql.Open("sqlite3", "file:"+filepath.Join(r.dir, ledger.FileName(bank))+"?mode=ro")
		r.must(err)
		rows, err := db.Query(`SELECT account, balance FROM accounts ORDER BY account`)
		r.must(err)
		for rows.Next() {
			var account, balance string
			r.must(rows.Scan(&account, &balance))
			all = append(all, bank+account+"="+balance)
		}
		r.must(rows.Err())
		r.must(db.Close())
	}
	return strings.Join(all, " ")
}

// copiesAtMoments copies each of the files at another moment of a load.
func (r *restoreRig) copiesAtMoments(files []string, moments []int) map[string]string {
	r.Helper()
	r.start()
	r.ready()
	var copying sync.WaitGroup
	found := make([]string, len(files))
	for part, i := range moments {
		copying.Go(func() { found[i] = r.copyOf(files[i]) })
		r.transfer(fmt.Sprintf("p%d", part), 100)
	}
	copying.Wait()
	copies := make(map[string]string)
	for i, file := range files {
		copies[file] = found[i]
	}
	return copies
}

// decide waits until everything is mended, or waits for a person; then it is one that goes on with everything, and
// returns the ids of the sagas that it was told to look at.
func (r *restoreRig) decide() (told string) {
	r.Helper()
	r.eventually("it waits for a person, or is mended", func() bool {
		c := r.copy()
		return c.Quarantined && len(c.Silent) == 0 || r.node.Health().OK()
	})
	c := r.copy()
	if c.Quarantined {
		r.call(wire.VerbCopyAccept, wire.CopyRequest{Reason: "a test"}, &c)
	}
	for _, s := range c.Sagas {
		if s.Known {
			told += s.Saga + " "
		}
	}
	return told + r.resumeAll()
}

// resumeAll is a person who lets everything go on that is paused, and returns the ids.
func (r *restoreRig) resumeAll() (told string) {
	r.Helper()
	for _, p := range r.node.Health().Paused {
		if p.ID != "" {
			told += p.ID + " "
			r.call("resume", wire.PauseRequest{ID: p.ID, Reason: "a test"}, &p)
		}
	}
	return told
}

func (r *restoreRig) count(state string) int {
	r.Helper()
	var list wire.List
	r.call("list", wire.ListRequest{State: state}, &list)
	return len(list.Items)
}

// auditBut finds nothing wrong, but with the sagas that are named.
func (r *restoreRig) auditBut(told string) {
	r.Helper()
	files, err := audit.In(r.dir)
	r.must(err)
	report, err := audit.Run(r.Context(), files)
	r.must(err)
	for _, v := range report.Violations {
		if v.Saga == "" && told != "" || v.Saga != "" && strings.Contains(told, v.Saga+" ") {
			continue
		}
		r.Errorf("audit: %+v (told of %s)", v, told)
	}
}
