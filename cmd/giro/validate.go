package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/girohq/giro/saga"
	"github.com/spf13/cobra"
)

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "validate FILE...",
		Short:             "Check definitions without a server",
		Long:              "Check definitions without a server. Everything that is wrong is told at once,\nas FILE:LINE: what is wrong: what to write instead.",
		Example:           "  giro definitions validate *.yaml",
		Args:              arguments(1, maxFiles, "FILE..."),
		ValidArgsFunction: completeDefinitionFiles,
		RunE: func(_ *cobra.Command, args []string) error {
			defs, err := a.readDefinitions(args)
			if err != nil {
				return err
			}
			for _, def := range defs {
				if err := a.printValid(def); err != nil {
					return err
				}
				for _, warning := range def.Warnings {
					a.note("saga %s: %s", def.Name, warning)
				}
			}
			return nil
		},
	}
}

// validDefinition is what "validate -o json" prints: the digest is the one it would be stored with.
type validDefinition struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Digest  string `json:"digest"`
}

func (a *app) printValid(def *saga.Definition) error {
	valid := validDefinition{def.Name, def.Version, def.Digest()}
	return a.print(valid, []any{valid}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "saga %s version %d is valid\n", def.Name, def.Version)
		return err
	})
}

// The bounds of what one command reads.
const (
	maxFiles      = 10_000
	maxDefinition = 512 << 10 // bytes; less than the broker takes in one message
)

// readDefinitions reads and checks files; the error has all that is wrong with any of them.
func (a *app) readDefinitions(names []string) ([]*saga.Definition, error) {
	var defs []*saga.Definition
	var wrong []error
	for _, name := range names {
		data, err := a.readFile(name, maxDefinition)
		if err == nil {
			var def *saga.Definition
			if def, err = saga.Parse(filepath.ToSlash(name), data); err == nil {
				defs = append(defs, def)
			}
		}
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	if len(wrong) > 0 {
		return nil, &failure{code: exitUsage, err: errors.Join(wrong...)}
	}
	return defs, nil
}

func completeDefinitionFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
}
