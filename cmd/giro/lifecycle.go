package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/girohq/giro/participants/ledger"
	"github.com/spf13/cobra"
)

// drainLimit is how long a service may take to end after the first signal. What is not finished
// by then goes on at the next start.
const drainLimit = 5 * time.Second

const defaultData = "giro-data"

// serverGC lets the heap of a server grow to three times what is in use before it is collected. Five times that, as it
// was once, costs a twentieth more CPU at 256 and 1,024 clients: what is written next is in no cache then.
const serverGC = 200

// serverProcs is how many threads run Go code for each that Go would take. SQLite's calls and
// their fsyncs keep theirs busy or waiting: with 256 clients on two cores twice as many gave 1,538
// and 1,744 transfers a second against 1,305 and 1,077, taken in turn.
const serverProcs = 2

// tune is for commands that carry load. GOGC and GOMAXPROCS in the environment win.
func tune() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(serverGC)
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(serverProcs * runtime.GOMAXPROCS(0))
	}
}

func addDirFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "data", defaultData, "`DIR` of all that is kept")
	_ = cmd.MarkFlagDirname("data") // the flag was just added
}

// drained runs a service until the context ends and then waits for it, but not for ever.
func drained(ctx context.Context, run func(context.Context) error) error {
	tune()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(drainLimit):
		return fmt.Errorf("not drained within %s; nothing is lost, the next start goes on", drainLimit)
	}
}

// readAccounts reads a file of accounts; "" is none.
func readAccounts(name string) ([]ledger.BankAccount, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, usageError("accounts: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	accounts, err := ledger.ReadAccounts(name, f)
	if err != nil {
		return nil, usageError("%w", err)
	}
	return accounts, nil
}
