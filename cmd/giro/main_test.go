package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"giro": main})
}

// TestScripts runs the scripts in testdata/script. Beside the usual commands they have:
//
//	exits CODE PROGRAM ARG...   runs a program that must end with this exit code
//	node [DIR]                  runs a node on DIR (default data) and points NATS_URL at it
//	stopnode                    stops it, and points NATS_URL at nobody
//	guarded                     runs a broker where the user "reader" may publish nothing
//	until FILE PROGRAM ARG...   runs a program again and again until FILE has something in it
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("NATS_URL", nobody)
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
			env.Values[nodeKey{}] = &scriptNode{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "node": startScriptNode, "stopnode": stopScriptNode, "guarded": startGuarded, "until": until,
		},
	})
}

// nobody listens here: the port is reserved and may not be given away.
const nobody = "nats://127.0.0.1:1"

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until FILE PROGRAM ARG...")
	}
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ts.Check(ts.Exec(args[1], args[2:]...))
		if info, err := os.Stat(ts.MkAbs(args[0])); err == nil && info.Size() > 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			ts.Fatalf("nothing in %s", args[0])
		}
	}
}
