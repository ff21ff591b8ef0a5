package torture

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/internal/witness"
	"github.com/rs/zerolog"
)

var (
	transfers = flag.Int("torture.transfers", 600, "transfers of the run")
	seed      = flag.Uint64("torture.seed", 0, "of the run; 0: a new one, printed")
)

var giro string // the binary under test

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "giro-torture")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	giro = filepath.Join(dir, "giro")
	if out, err := exec.Command("go", "build", "-o", giro, "github.com/girohq/giro/cmd/giro").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
		return 1
	}
	return m.Run()
}

func torture(t *testing.T, cfg Config) *Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cfg.Dir, cfg.Binary, cfg.Log = filepath.Join(t.TempDir(), "torture"), giro, zerolog.Nop()
	if cfg.Seed == 0 {
		cfg.Seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", cfg.Seed)
	r, err := Run(ctx, cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Strikes {
		t.Logf("%6.1fs %-18s took %.1fs, well after %.1fs: %s", s.At, s.Fault, s.Took, s.Recovered, s.Detail)
	}
	t.Logf("%+v %+v %+v, drained in %.1fs, deaths %v", r.Transfers, r.Requests, r.Struck, r.Drained, r.Deaths)
	return r
}

// TestTorture strikes with every fault there is while transfers run: nothing is lost. Most of the time
// goes to waiting while something is frozen or silent, so two installations are tortured side by side; it
// takes about half a minute.
func TestTorture(t *testing.T) {
	var long, brief []string
	for _, f := range Faults() {
		if f.linked || strings.HasPrefix(f.Name, "freeze") {
			long = append(long, f.Name)
		} else {
			brief = append(brief, f.Name)
		}
	}
	n := *transfers / 2
	if testing.Short() {
		n, long, brief = 100, []string{"network-reset", "network-twice"}, []string{"kill-all", "store-deleted", "stream-deleted", "repeated", "poison"}
	}
	for name, faults := range map[string][]string{"networks and freezes": long, "all others": brief} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			green(t, torture(t, Config{Transfers: n, Seed: *seed, Faults: faults}))
		})
	}
}

func green(t *testing.T, r *Report) {
	t.Helper()
	if r.Verdict != Green {
		t.Errorf("%s: %s", r.Verdict, strings.Join(r.Reasons, "\n"))
	}
	told := 0
	if err := witness.Read(filepath.Join(r.Dir, witnessFile), func(witness.Line) error { told++; return nil }); err != nil {
		t.Error(err)
	}
	if want := r.Requests.Starts + r.Requests.Gets; told != want || told == 0 {
		t.Errorf("%d answers are in the log, %d were told", told, want)
	}
}
