package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The groups of the help.
const (
	groupRun    = "run"
	groupSagas  = "sagas"
	groupOthers = "others"
)

// suggestWithin is how many letters a misspelt name may differ in to be recognised.
const suggestWithin = 2

// commands are all there are, in the order of the help.
var commands = []struct {
	group string
	make  func(*app) *cobra.Command
}{
	{groupRun, newRunCommand},
	{groupRun, newDevCommand},
	{groupRun, newServeCommand},
	{groupRun, newParticipantCommand},
	{groupRun, newAuditCommand},
	{groupRun, newBenchCommand},
	{groupRun, newLabCommand},
	{groupRun, newTortureCommand},
	{groupSagas, newStartCommand},
	{groupSagas, newGetCommand},
	{groupSagas, newListCommand},
	{groupSagas, newHistoryCommand},
	{groupSagas, newWatchCommand},
	{groupSagas, newCancelCommand},
	{groupSagas, newRetryCommand},
	{groupSagas, newSignalCommand},
	{groupSagas, newSkipCommand},
	{groupSagas, newResolveCommand},
	{groupSagas, newAbandonCommand},
	{groupSagas, newPauseCommand},
	{groupSagas, newResumeCommand},
	{groupSagas, newPausesCommand},
	{groupSagas, newDefinitionsCommand},
	{groupSagas, newSchedulesCommand},
	{groupOthers, newHealthCommand},
	{groupOthers, newParticipantsCommand},
	{groupOthers, newRestoreCommand},
	{groupOthers, newRacesCommand},
	{groupOthers, newVersionCommand},
}

func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "giro",
		Short:         "Sagas over NATS: all or nothing, whatever breaks",
		Long:          "Giro carries out business transactions of several steps, all or nothing.",
		Example:       "  giro run transfers.csv     # everything in one process\n  giro dev                   # a server to try things with",
		Args:          cobra.ArbitraryArgs,
		RunE:          group,
		SilenceErrors: true,
		SilenceUsage:  true,

		SuggestionsMinimumDistance: suggestWithin,
	}
	root.AddGroup(&cobra.Group{ID: groupRun, Title: "Run:"}, &cobra.Group{ID: groupSagas, Title: "Sagas:"},
		&cobra.Group{ID: groupOthers, Title: "Others:"})
	root.SetHelpCommandGroupID(groupOthers)
	root.SetCompletionCommandGroupID(groupOthers)
	root.SetFlagErrorFunc(flagError)
	root.PersistentFlags().VarP(&a.output, "output", "o", "table, json or jsonl")
	a.connection.register(root.PersistentFlags())
	root.PersistentFlags().SortFlags = false
	for _, c := range commands {
		cmd := c.make(a)
		cmd.GroupID = c.group
		root.AddCommand(cmd)
	}
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" { // cobra's own, which would answer a misspelt shell with its help
			cmd.Args, cmd.RunE, cmd.SuggestionsMinimumDistance = cobra.ArbitraryArgs, group, suggestWithin
		}
	}
	completeFlags(root)
	return root
}

// group is a command that only holds others.
func group(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	err := &failure{code: exitUsage, err: errors.New("unknown command " + strings.TrimSpace(cmd.CommandPath()+" "+args[0]))}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		err.try = cmd.CommandPath() + " " + near[0]
	}
	return err
}

// arguments takes between least and most arguments; names shows them.
func arguments(least, most int, names string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usageError("an argument is missing: %s", names)
		case len(args) > most:
			return usageError("one argument too many, %q: %s", args[most], names)
		}
		return nil
	}
}

// flagError makes a usage error of what pflag says, and names the flag that was meant.
func flagError(cmd *cobra.Command, err error) error {
	f := &failure{code: exitUsage, err: err}
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		if near := nearestFlag(cmd, unknown.GetSpecifiedName()); near != "" {
			f.try = cmd.CommandPath() + " --" + near
		}
	}
	return f
}

func nearestFlag(cmd *cobra.Command, name string) string {
	best, least := "", suggestWithin+1
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if d := distance(name, f.Name); d < least && !f.Hidden {
			best, least = f.Name, d
		}
	})
	return best
}

// distance counts the letters to add, drop or change to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
