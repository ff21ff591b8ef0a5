package main

import (
	"context"
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
)

// app is what every command shares: where it reads and writes, and the global flags.
type app struct {
	stdin  io.Reader
	stdout io.Writer // data, and nothing else
	stderr io.Writer // errors, progress, hints
	log    zerolog.Logger

	output     outputFormat
	connection connectionFlags
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *app {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, output: outputTable}
	console := zerolog.ConsoleWriter{Out: stderr, NoColor: !coloured(stderr), TimeFormat: "15:04:05"}
	a.log = zerolog.New(console).Level(zerolog.WarnLevel).With().Timestamp().Logger()
	return a
}

// execute runs the command that args name and returns the exit code.
func (a *app) execute(ctx context.Context, args []string) int {
	root := newRootCommand(a)
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	a.explain(cmd, err)
	return exitCode(err)
}

// terminal reports whether a person looks at w.
func terminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// coloured reports whether w shows colours and whoever looks at it wants them.
func coloured(w any) bool {
	return terminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
