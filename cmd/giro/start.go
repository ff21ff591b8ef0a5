package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
	"github.com/spf13/cobra"
)

// starting is a start as the command line describes it.
type starting struct {
	sagaType string
	id       string
	input    []byte
	version  int
	at       notBefore
	wait     patience
}

func newStartCommand(a *app) *cobra.Command {
	s := &starting{}
	var input string
	cmd := &cobra.Command{
		Use:   "start TYPE [FILE | - | --input JSON]",
		Short: "Start a saga",
		Long: "Start a saga with the input in FILE, from stdin (-) or from --input. It returns\n" +
			"when the saga is committed, or with --wait when it has ended. One id starts one\n" +
			"saga: whatever goes wrong, the same command with the same --id may be repeated.\n\n" +
			"With --wait the exit code is 0 when it completed, 10 compensated, 11 suspended,\n" +
			"12 abandoned, 5 when it has not ended in time.",
		Example: "  giro start transfer order.json --id T-1 --wait\n" +
			"  echo '{\"n\":1}' | giro start count - --wait=2m -o json",
		Args:              arguments(1, 2, "TYPE [FILE | -]"),
		ValidArgsFunction: a.completeStart,
		RunE: func(cmd *cobra.Command, args []string) error {
			s.sagaType = args[0]
			var err error
			if s.input, err = a.readInput(cmd.Flags().Changed("input"), input, args[1:]); err != nil {
				return err
			}
			return a.start(cmd.Context(), s)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&s.id, "id", "", "saga `ID`; default: a new UUIDv7")
	flags.StringVar(&input, "input", "", "the input itself, as `JSON`")
	flags.IntVar(&s.version, "version", 0, "version of the definition; default: the latest")
	flags.Var(&s.at, "at", "not before `TIME`: RFC 3339, or 3d from now")
	flags.Var(&s.wait, "wait", "wait for the end, --wait=2m; alone: 30s")
	flags.Lookup("wait").NoOptDefVal = "30s"
	return cmd
}

// start starts a saga, and waits for its end when that is wanted.
func (a *app) start(ctx context.Context, st *starting) error {
	if err := a.checkStart(st); err != nil {
		return err
	}
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	doc, err := a.accept(s, st)
	if err != nil {
		return a.unsure(st, err)
	}
	if st.wait == 0 {
		return a.printAccepted(doc)
	}
	return a.untilEnd(s, doc, time.Duration(st.wait))
}

// checkStart refuses before anything is sent, and makes the id if there is none. A made id is
// told before it is used: without it nobody could repeat the start.
func (a *app) checkStart(st *starting) error {
	if err := saga.CheckID("saga type", st.sagaType); err != nil {
		return usageError("%w", err)
	}
	if st.version < 0 {
		return usageError("--version %d is not a version: 1, 2, ...", st.version)
	}
	if st.id != "" {
		if err := saga.CheckID("saga id", st.id); err != nil {
			return usageError("%w", err)
		}
		return nil
	}
	var err error
	if st.id, err = client.NewID(); err == nil {
		a.note("saga id %s", st.id)
	}
	return err
}

func (a *app) accept(s *session, st *starting) (saga.Document, error) {
	ctx, cancel := a.limited(s.ctx)
	defer cancel()
	var opts []client.StartOption
	if st.version > 0 {
		opts = append(opts, client.WithVersion(st.version))
	}
	if at := time.Time(st.at); !at.IsZero() {
		opts = append(opts, client.WithStartAt(at))
	}
	return s.Start(ctx, st.sagaType, st.id, st.input, opts...)
}

// unsure says how to go on when it is not known whether the saga was started.
func (a *app) unsure(st *starting, err error) error {
	switch exitCode(err) {
	case exitTimeout, exitUnreachable, exitInterrupted:
		return withTry(err, "the saga may have been started all the same: repeat the command with --id %s", st.id)
	}
	return err
}

func (a *app) printAccepted(doc saga.Document) error {
	return a.print(doc, []any{doc}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "saga %s is %s\n", doc.ID, a.state(doc.State))
		return err
	})
}

// untilEnd follows a saga until it is terminal or needs a person, and prints it as it is then.
func (a *app) untilEnd(s *session, doc saga.Document, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(s.ctx, wait)
	defer cancel()
	spin := a.spin()
	err := s.Follow(ctx, doc.ID, func(now saga.Document) bool {
		doc = now
		spin.say(string(doc.State) + "  " + doc.Waiting)
		return !settled(doc.State)
	})
	spin.stop()
	if errors.Is(err, context.Canceled) {
		return withTry(err, "saga %s goes on without you: giro watch %s", doc.ID, doc.ID)
	}
	if printErr := a.printSaga(doc); printErr != nil {
		return printErr
	}
	if err != nil {
		return withTry(err, "saga %s goes on: giro watch %s", doc.ID, doc.ID)
	}
	return exitWith(stateCode(doc.State))
}

// settled reports whether waiting longer needs a person's help.
func settled(s saga.State) bool { return s.Terminal() || s == saga.Suspended }

func stateCode(s saga.State) int {
	switch s {
	case saga.Compensated:
		return exitCompensated
	case saga.Suspended:
		return exitSuspended
	case saga.Abandoned:
		return exitAbandoned
	}
	return exitOK
}

// completeStart offers types, then files.
func (a *app) completeStart(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
	}
	return a.completeTypes(cmd, args, begun)
}

// notBefore is a time, given as such or as a duration from now. It is a pflag.Value.
type notBefore time.Time

func (n *notBefore) String() string {
	if time.Time(*n).IsZero() {
		return ""
	}
	return time.Time(*n).Format(time.RFC3339)
}

func (n *notBefore) Type() string { return "time" }

// Set takes an RFC 3339 time, or a duration from now.
func (n *notBefore) Set(s string) error {
	if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
		*n = notBefore(at)
		return nil
	}
	d, err := saga.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%q is neither an RFC 3339 time nor a duration such as 3d", s)
	}
	*n = notBefore(time.Now().Add(d))
	return nil
}

// patience is how long to wait; 0 is not at all. It is a pflag.Value.
type patience time.Duration

func (p *patience) String() string {
	if *p == 0 {
		return ""
	}
	return time.Duration(*p).String()
}

func (p *patience) Type() string { return "duration" }

// Set takes a positive duration, days too.
func (p *patience) Set(s string) error {
	d, err := saga.ParseDuration(s)
	*p = patience(d)
	return err
}
