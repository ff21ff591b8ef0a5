package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker in a release.
var version = unreleased

const unreleased = "development"

// build says which program this is.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"` // the source differed from the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Say which giro this is",
		Example: "  giro version -o json",
		Args:    arguments(0, 0, "version takes flags only"),
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			return a.print(b, []any{b}, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "giro %s (commit %s, %s, %s)\n", b.Version, b.Commit, b.Go, b.Platform)
				return err
			})
		},
	}
}

func thisBuild() build {
	b := build{Version: version, Commit: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if version == unreleased && info.Main.Version != "" && info.Main.Version != "(devel)" {
		b.Version = info.Main.Version // installed by go install
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}
