package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/girohq/giro/internal/cluster"
	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/outbox"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// small is a world with few accounts.
var small = World{Accounts: 500, FailRate: 0.01}

// Every door, in both loops, starts what it was asked to, once each, and the books of both banks hold what
// they held. Nothing is said of how long it takes.
func TestDoors(t *testing.T) {
	const each = 200 // of which one is refused at the debit and one undone
	for _, door := range Doors {
		t.Run(string(door), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			dir := t.TempDir()
			var levels []Level
			for _, cfg := range []Config{{Clients: []int{1, 16}}, {Rates: []float64{400}}} {
				cfg.Data, cfg.Doors, cfg.Transfers, cfg.World, cfg.Log = dir, []Door{door}, each, small, zerolog.Nop()
				r, err := Run(ctx, cfg)
				if err != nil {
					t.Fatal(err)
				}
				if !r.Audit.OK || len(r.Audit.InFlight) > 0 {
					t.Errorf("audit: %+v", r.Audit)
				}
				levels = append(levels, r.Levels...)
			}
			for _, l := range levels {
				if l.Door != door || l.Durability != door.Durability() || l.Transfers != each || l.Completed != each-2 || l.Compensated != 2 {
					t.Errorf("%+v", l)
				}
				if l.PerSecond <= 0 || l.Latency.Max < l.Latency.P50 || l.Commits <= 0 {
					t.Errorf("nothing was measured: %+v", l)
				}
			}
			if n := count(t, dir, "orchestrator.db", `SELECT count(*) FROM sagas`); n != len(levels)*each {
				t.Errorf("%d sagas of %d transfers", n, len(levels)*each)
			}
			w, err := small.checked()
			if err != nil {
				t.Fatal(err)
			}
			checkMoney(t, dir, w)
		})
	}
}

// checkMoney adds up what the customers of all banks have.
func checkMoney(t *testing.T, dir string, w World) {
	t.Helper()
	sum := 0
	for _, b := range w.branches() {
		sum += count(t, dir, "ledger-"+b.Bank+".db", `SELECT sum(balance) FROM accounts WHERE balance >= 0 AND account GLOB '[0-9]*'`)
	}
	if want := w.Banks * w.Accounts * opening; sum != want {
		t.Errorf("the customers have %d, and had %d", sum, want)
	}
}

func count(t *testing.T, dir, file, query string) (n int) {
	t.Helper()
	db, err := outbox.OpenReadOnly(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Get(&n, query); err != nil {
		t.Fatal(err)
	}
	return n
}

// Every world carries its sagas to their ends, refuses the share that it was asked to, and keeps the money.
func TestWorlds(t *testing.T) {
	for name, w := range map[string]World{
		"long sagas":     {Steps: 6, Banks: 3, FailRate: 0.1},
		"payload":        {Payload: 5000, FailRate: 0.1},
		"a hot account":  {Hot: 0.5, FailRate: 0.1},
		"one bank":       {Banks: 1, FailRate: 0.1},
		"nobody refused": {},
		"all refused":    {FailRate: 1},
		"three servers":  {Broker: Cluster, FailRate: 0.1},
	} {
		t.Run(name, func(t *testing.T) {
			w.Accounts = 100
			w, err := w.checked()
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			r, err := Run(t.Context(), Config{Data: dir, World: w, Clients: []int{8}, Transfers: 100, Log: zerolog.Nop()})
			if err != nil {
				t.Fatal(err)
			}
			l := r.Levels[0]
			if refused := int(w.FailRate * 100); !r.Audit.OK || l.Compensated != refused || l.Completed != 100-refused {
				t.Errorf("%+v\n%+v", l, r.Audit.Violations)
			}
			if (l.Hot != nil) != (w.Hot > 0) || l.Hot != nil && (l.Hot.P50 == 0 || l.Others.P50 == 0) {
				t.Errorf("hot %+v, others %+v", l.Hot, l.Others)
			}
			if n := count(t, dir, "orchestrator.db", `SELECT min(length(input)) FROM sagas`); n < w.Payload {
				t.Errorf("an input has %d bytes", n)
			}
			checkMoney(t, dir, w)
		})
	}
}

// A broker elsewhere is left without the streams of the bench.
func TestElsewhere(t *testing.T) {
	c, err := cluster.Start(t.Context(), cluster.Config{Dir: t.TempDir(), Servers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	dial := func(name string) (*nats.Conn, error) {
		return nats.Connect(c.URL(), jet.Options(name, false, zerolog.Nop())...)
	}
	seen := 0
	streams := func() []string {
		conn, err := dial("test")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		js, err := jetstream.New(conn)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for name := range js.StreamNames(t.Context()).Name() {
			names = append(names, name)
		}
		return names
	}
	w := World{Accounts: 100, Broker: Elsewhere, Dial: dial, Prefix: "bench-1"}
	r, err := Run(t.Context(), Config{Data: t.TempDir(), World: w, Doors: []Door{NATS, Publish}, Clients: []int{4}, Transfers: 50, Log: zerolog.Nop(),
		Begun: func(Level) { seen = len(streams()) }})
	if err != nil || !r.Audit.OK {
		t.Fatal(err, r)
	}
	if left := streams(); seen != 5 || len(left) > 0 {
		t.Errorf("%d streams meanwhile, %v afterwards", seen, left)
	}
}

// The caller's orders and their starts commit together, and no start is left behind.
func TestOutboxKeepsNothing(t *testing.T) {
	dir := t.TempDir()
	if _, err := Run(t.Context(), Config{Data: dir, Doors: []Door{Outbox}, Clients: []int{8}, Transfers: 50, World: small, Log: zerolog.Nop()}); err != nil {
		t.Fatal(err)
	}
	if n := count(t, dir, callersFile, `SELECT count(*) FROM orders`); n != 50 {
		t.Errorf("%d orders", n)
	}
}

// An interrupted run says so, and leaves nothing behind that runs.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Run(ctx, Config{Data: t.TempDir(), Doors: Doors, Clients: []int{4}, Duration: time.Hour, World: small, Log: zerolog.Nop(), Begun: func(Level) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

func TestConfig(t *testing.T) {
	for i, cfg := range []Config{
		{Clients: []int{1}}, {Transfers: 1}, {Clients: []int{1}, Transfers: 1, Duration: 1}, {Clients: []int{0}, Transfers: 1},
		{Clients: []int{1}, Rates: []float64{1}, Transfers: 1}, {Rates: []float64{0}, Transfers: 1}, {Rates: []float64{MaxRate + 1}, Transfers: 1},
		{Clients: []int{1}, Transfers: 1, Doors: []Door{"window"}}, {Clients: []int{1}, Transfers: 1, World: World{Steps: 3}},
		{Clients: []int{1}, Transfers: 1, World: World{FailRate: 1.1}}, {Clients: []int{1}, Transfers: 1, World: World{Hot: -0.1}},
		{Clients: []int{1}, Transfers: 1, World: World{Broker: "nowhere"}}, {Clients: []int{1}, Transfers: 1, World: World{Broker: Elsewhere}},
		{Clients: []int{1}, Transfers: 1, World: World{Banks: MaxBanks + 1}}, {Clients: []int{1}, Transfers: 1, World: World{Payload: -1}},
	} {
		if _, err := Run(t.Context(), cfg); err == nil {
			t.Error(fmt.Sprint("config ", i, " is accepted"))
		}
	}
}
