package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants/ledger"
)

// TestRunInterrupted interrupts a run with a signal and the next one with kill -9. The same command
// goes on each time, and in the end every transfer ran once.
func TestRunInterrupted(t *testing.T) {
	const transfers = 1500
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	file := writeTransfers(t, dir, transfers)

	first := giro(t, "run", file, "--data", data)
	waitForEnded(t, first, data, 100)
	signalled := time.Now()
	if code := first.end(t, syscall.SIGINT); code != exitInterrupted {
		t.Fatalf("exit code %d after SIGINT, want %d\n%s", code, exitInterrupted, first.stderr.String())
	}
	if took := time.Since(signalled); took > drainLimit {
		t.Errorf("it took %v to drain", took)
	}
	for _, words := range []string{"interrupted: ", "nothing is lost", "try: giro run " + file + " --data " + data} {
		if !strings.Contains(first.stderr.String(), words) {
			t.Errorf("%q is not in\n%s", words, first.stderr.String())
		}
	}

	ended := countEnded(data)
	second := giro(t, "run", file, "--data", data)
	waitForEnded(t, second, data, ended+100)
	second.end(t, syscall.SIGKILL)

	ended = countEnded(data)
	third := giro(t, "run", file, "--data", data, "-o", "json")
	if code := third.end(t, nil); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, third.stderr.String())
	}
	var r struct {
		Transfers, Completed int
		AlreadyDone          int `json:"already_done"`
		Audit                struct{ Banks []struct{ Balance int64 } }
	}
	if err := json.Unmarshal(third.stdout.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.AlreadyDone != ended || r.AlreadyDone+r.Completed != transfers || r.Completed == 0 {
		t.Errorf("%d had ended; %+v", ended, r)
	}
	if b := r.Audit.Banks; len(b) != 2 || b[0].Balance != 0 || b[1].Balance != 100*transfers {
		t.Errorf("balances %+v", b)
	}
}

func writeTransfers(t *testing.T, dir string, n int) string {
	t.Helper()
	var text strings.Builder
	fmt.Fprintln(&text, ledger.TransfersHeader)
	for i := range n {
		fmt.Fprintf(&text, "T-%d,A,%d,B,%d,1.00,EUR\n", i, i%50, i%70)
	}
	file := filepath.Join(dir, "transfers.csv")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// program is a running giro, in a process of its own.
type program struct {
	cmd            *exec.Cmd
	stdout, stderr syncBuffer
	ended          chan error
}

// giro starts one. TestMain has put it into the path.
func giro(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{cmd: exec.Command("giro", args...), ended: make(chan error, 1)}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // it may have ended
	return p
}

// end sends a signal, if any, waits for the end and returns the exit code.
func (p *program) end(t *testing.T, sig os.Signal) int {
	t.Helper()
	if sig != nil {
		if err := p.cmd.Process.Signal(sig); err != nil {
			t.Fatalf("%v: %v\n%s", sig, err, p.stderr.String())
		}
	}
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(time.Minute):
		t.Fatalf("it does not end\n%s", p.stderr.String())
		return 0
	}
}

// watch calls seen until it is true, and fails when the program ends before.
func (p *program) watch(t *testing.T, seen func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for !seen() {
		select {
		case <-tick.C:
		case err := <-p.ended:
			t.Fatalf("it has ended: %v\n%s", err, p.stderr.String())
		case <-deadline.C:
			t.Fatalf("nothing happens\n%s", p.stderr.String())
		}
	}
}

func waitForEnded(t *testing.T, p *program, data string, n int) {
	t.Helper()
	p.watch(t, func() bool { return countEnded(data) >= n })
}

// countEnded looks into a data directory, from outside; one that is not there yet has no saga.
func countEnded(data string) (n int) {
	db, err := outbox.OpenReadOnly(filepath.Join(data, embedded.OrchestratorFile))
	if err != nil {
		return 0
	}
	defer db.Close()
	if err := db.GetContext(context.Background(), &n, `SELECT count(*) FROM sagas WHERE finished IS NOT NULL`); err != nil {
		return 0
	}
	return n
}
