package crash

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/client"
)

var takeovers = flag.Int("crash.takeovers", 6, "leaders killed in the run of standbys")

// newStandbys is a broker, two orchestrators on one store, and two processes for each of two banks.
func newStandbys(t testing.TB) *system {
	dir, store := t.TempDir(), filepath.Join(t.TempDir(), "nats")
	addr, accounts := freeAddress(t), accountsFile(t)
	url := "nats://" + addr
	broker := newBroker(store, addr)
	f := &system{dir: dir, url: url, store: store, broker: broker, processes: []*process{broker}}
	for i := range 2 {
		f.processes = append(f.processes, newProcess(fmt.Sprint("orchestrator ", i), "serve", "--standby", "--data", dir, "--server", url))
		for _, bank := range []string{"A", "B"} {
			f.processes = append(f.processes, newProcess(fmt.Sprint("bank ", bank, " ", i), "participant", "ledger", "--standby",
				"--bank", bank, "--data", dir, "--accounts", accounts, "--server", url))
		}
	}
	return f.start(t)
}

// TestStandbys kills leaders while transfers run. The process that waits takes over, and the killed one
// comes back to wait; every accepted transfer ends, and the books agree.
func TestStandbys(t *testing.T) {
	f := newStandbys(t)
	c := f.client(t)
	torment(t, f, *takeovers, func(rng *rand.Rand) string {
		of := []string{"orchestrator", "bank A", "bank B"}[rng.IntN(3)]
		leader := f.await(t, c, of, "leader", nil)
		p := f.processOf(t, leader)
		p.Kill()
		next := f.await(t, c, of, "leader", &leader)
		if next.Term <= leader.Term {
			t.Errorf("%s: term %d after %d", of, next.Term, leader.Term)
		}
		p.start(t)
		f.await(t, c, of, "standby", nil)
		return of
	})
}

// TestPausedLeader stops the leader for longer than its lease. The other is elected and must not touch
// the data that the stopped process still has; when that goes on, one of the two leads, never both.
func TestPausedLeader(t *testing.T) {
	f := newStandbys(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c := f.client(t)
	f.healthy(t, ctx, c)
	leader := f.await(t, c, "orchestrator", "leader", nil)
	paused := f.processOf(t, leader)
	begin(t, ctx, c, 0)
	if err := paused.Pause(); err != nil {
		t.Fatal(err)
	}
	const published = 100
	for n := 1; n < published; n++ {
		if _, err := c.Publish(ctx, "transfer", fmt.Sprintf("T-%d", n), input(n)); err != nil {
			t.Fatal(err)
		}
	}
	elected := f.await(t, c, "orchestrator", "elected", nil)
	if want := fmt.Sprintf("is held by process %d", paused.PID()); !strings.Contains(elected.Detail, want) || elected.Term <= leader.Term {
		t.Errorf("%+v does not say that it %s, in a term after %d", elected, want, leader.Term)
	}
	if err := paused.Resume(); err != nil {
		t.Fatal(err)
	}
	next := f.await(t, c, "orchestrator", "leader", &leader)
	if next.Owner != elected.Owner {
		t.Errorf("%s leads, and %s was elected", next.Owner, elected.Owner)
	}
	if waits := f.await(t, c, "orchestrator", "standby", nil); waits.Owner != leader.Owner {
		t.Errorf("%s waits, not the process that was paused", waits.Owner)
	}
	judge(t, ctx, f, c, published)
}

// await returns the candidate that has a role, other than one. There are never two leaders.
func (f *system) await(t *testing.T, c *client.Client, of, role string, other *client.Candidacy) client.Candidacy {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		all, err := c.Candidates(ctx)
		if err != nil {
			continue // the broker may be coming back
		}
		leaders := 0
		var found client.Candidacy
		for _, one := range all {
			if one.Of == of && one.Role == "leader" {
				leaders++
			}
			if one.Of == of && one.Role == role && (other == nil || one.Owner != other.Owner) {
				found = one
			}
		}
		if leaders > 1 {
			t.Fatalf("two lead: %+v", all)
		}
		if found.Owner != "" {
			return found
		}
	}
	t.Fatalf("no %s is %s", of, role)
	return client.Candidacy{}
}

// processOf is the process that a candidate is.
func (f *system) processOf(t *testing.T, c client.Candidacy) *process {
	t.Helper()
	pid := strings.Split(c.Owner, "/")[1]
	for _, p := range f.processes {
		if strconv.Itoa(p.PID()) == pid {
			return p
		}
	}
	t.Fatalf("there is no process for %+v", c)
	return nil
}
