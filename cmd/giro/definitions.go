package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
	"github.com/spf13/cobra"
)

func newDefinitionsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:                        "definitions",
		Aliases:                    []string{"definition", "def"},
		Short:                      "Apply, list, show and check saga definitions",
		Example:                    "  giro definitions apply trip.yaml",
		Args:                       cobra.ArbitraryArgs,
		RunE:                       group,
		SuggestionsMinimumDistance: suggestWithin,
	}
	cmd.AddCommand(a.applyCommand(), a.listDefinitionsCommand(), a.getDefinitionCommand(), a.validateCommand(), a.migrateCommand())
	return cmd
}

func (a *app) applyCommand() *cobra.Command {
	dry := false
	cmd := &cobra.Command{
		Use:   "apply FILE...",
		Short: "Store definitions",
		Long: "Check definitions, then store them, and say how they differ from the version\n" +
			"before. A version is immutable: the same content again changes nothing, another\n" +
			"one needs a new version. Sagas that are live keep theirs; see giro definitions\n" +
			"migrate. With --dry-run nothing is stored.",
		Example: "  giro definitions apply trip.yaml\n  giro definitions apply --dry-run trip.yaml\n" +
			"  cat trip.yaml | giro definitions apply -",
		Args:              arguments(1, maxFiles, "FILE..."),
		ValidArgsFunction: completeDefinitionFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			defs, err := a.readDefinitions(args) // all are checked before the first is stored
			if err != nil {
				return err
			}
			s, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			for _, def := range saga.ChildrenFirst(defs) {
				if err := a.apply(s, def, dry); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would change")
	return cmd
}

func (a *app) apply(s *session, def *saga.Definition, dry bool) error {
	ctx, cancel := a.limited(s.ctx)
	defer cancel()
	do := s.ApplyDefinition
	if dry {
		do = s.CheckDefinition
	}
	applied, err := do(ctx, def.Source())
	if err != nil {
		return err
	}
	return a.print(applied, []any{applied}, func(w io.Writer) error {
		_, err := io.WriteString(w, applySentences(applied))
		return err
	})
}

// applySentences says what an apply has done, or would do.
func applySentences(d client.AppliedDefinition) string {
	became := "unchanged"
	switch {
	case d.Created:
		became = "created"
	case d.DryRun && d.Applied.IsZero():
		became = "would be created"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "saga %s version %d %s\n", printable(d.Name), d.Version, became)
	if d.Against > 0 && len(d.Changes) == 0 {
		fmt.Fprintf(&b, "  it does the same as version %d\n", d.Against)
	}
	for _, change := range d.Changes {
		fmt.Fprintf(&b, "  against version %d: %s\n", d.Against, printable(change))
	}
	for _, warning := range d.Warnings {
		fmt.Fprintf(&b, "  warning: %s\n", printable(warning))
	}
	if d.InFlight > 0 {
		fmt.Fprintf(&b, "  live sagas of older versions, which keep theirs: %d\n", d.InFlight)
	}
	return b.String()
}

func (a *app) listDefinitionsCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List every version of every definition",
		Example: "  giro definitions list",
		Args:    arguments(0, 0, "list takes flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.read(cmd.Context(), dir, func(ctx context.Context, r reading) error {
				list, err := r.Definitions(ctx)
				if err != nil {
					return err
				}
				return a.printDefinitions(list)
			})
		},
	}
	addDataFlag(cmd, &dir)
	return cmd
}

func (a *app) printDefinitions(list client.DefinitionList) error {
	return a.print(list, anys(list.Items), func(w io.Writer) error {
		g := a.newGrid("NAME", "VERSION", "APPLIED", "DIGEST")
		for _, d := range list.Items {
			g.row(printable(d.Name), d.Version, moment(d.Applied.Time), printable(d.Digest))
		}
		return g.write(w)
	})
}

func (a *app) getDefinitionCommand() *cobra.Command {
	var dir string
	var version int
	cmd := &cobra.Command{
		Use:               "get NAME",
		Short:             "Show a definition",
		Long:              "Show a definition as it is stored: canonical JSON, whatever it was written in.",
		Example:           "  giro definitions get transfer\n  giro definitions get trip --version 2 > trip.json",
		Args:              arguments(1, 1, "NAME"),
		ValidArgsFunction: a.completeTypes,
		RunE: func(cmd *cobra.Command, args []string) error {
			if version < 0 {
				return usageError("--version %d is not a version: 1, 2, ...", version)
			}
			return a.read(cmd.Context(), dir, func(ctx context.Context, r reading) error {
				source, err := r.Definition(ctx, args[0], version)
				if err != nil {
					return err
				}
				return a.print(source, []any{source}, func(w io.Writer) error { return writeIndented(w, source) })
			})
		},
	}
	cmd.Flags().IntVar(&version, "version", 0, "which version; default: the latest")
	addDataFlag(cmd, &dir)
	return cmd
}

func writeIndented(w io.Writer, source json.RawMessage) error {
	var b bytes.Buffer
	if err := json.Indent(&b, source, "", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}
