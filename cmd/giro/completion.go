package main

import (
	"context"
	"time"

	"github.com/girohq/giro/client"
	"github.com/spf13/cobra"
)

// completionBudget is how long a person who pressed Tab waits. Completion is silent on failure.
const completionBudget = 300 * time.Millisecond

// complete adds a completion to a flag that the command has.
func complete(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // the flag's name is misspelt in this program
	}
}

// completeFlags completes the global flags.
func completeFlags(root *cobra.Command) {
	complete(root, "output", cobra.FixedCompletions([]string{"table", "json", "jsonl"}, cobra.ShellCompDirectiveNoFileComp))
}

// completeSagas offers the ids of recent sagas.
func (a *app) completeSagas(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.offer(cmd, func(ctx context.Context, s *session) ([]string, error) {
		page, err := s.List(ctx, client.ListRequest{Limit: 50})
		var ids []string
		for _, doc := range page.Items {
			ids = append(ids, cobra.CompletionWithDesc(doc.ID, doc.Type+", "+string(doc.State)))
		}
		return ids, err
	})
}

// completeTypes offers the types of sagas.
func (a *app) completeTypes(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.offer(cmd, func(ctx context.Context, s *session) ([]string, error) {
		list, err := s.Definitions(ctx)
		var types []string
		for _, d := range list.Items {
			if len(types) == 0 || types[len(types)-1] != d.Name { // versions of a type stand together
				types = append(types, d.Name)
			}
		}
		return types, err
	})
}

// offer asks the server within the budget.
func (a *app) offer(cmd *cobra.Command, ask func(context.Context, *session) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	a.connection.timeout = completionBudget
	ctx, cancel := context.WithTimeout(ctx, completionBudget)
	defer cancel()
	s, err := a.open(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer s.close()
	ctx, cancel = context.WithTimeout(s.ctx, completionBudget)
	defer cancel()
	offers, err := ask(ctx, s)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}
