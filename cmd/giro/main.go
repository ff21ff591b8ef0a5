// Command giro runs sagas and looks after them: everything embedded in one process (run, dev), an
// orchestrator or a bank of a larger installation (serve, participant), and a client of either.
//
// Data goes to stdout, everything else to stderr. The exit codes are in exit.go.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// After the first signal the default comes back: the second one ends the process at once.
	context.AfterFunc(ctx, stop)
	return newApp(os.Stdin, os.Stdout, os.Stderr).execute(ctx, os.Args[1:])
}
