package giro_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/girohq/giro/"

// source is one Go file of this module.
type source struct {
	path  string // slash separated, from the root
	lines int
	fset  *token.FileSet
	ast   *ast.File
}

// folder is the package's path from the root; "." is the root itself.
func (s source) folder() string { return path.Dir(s.path) }

func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

func (s source) line(pos token.Pos) int { return s.fset.Position(pos).Line }

// imports are the paths of what the file imports.
func (s source) imports() []string {
	var paths []string
	for _, spec := range s.ast.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, `"`))
	}
	return paths
}

// files are the paths of the repository's own files, whatever they hold.
func files(t *testing.T) []string {
	t.Helper()
	found, err := walked()
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// sources are the Go files of this module.
func sources(t *testing.T) []source {
	t.Helper()
	all, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var walked = sync.OnceValues(func() (found []string, err error) {
	err = fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == ".git" || name == "bin" || name == "giro-data"):
			return fs.SkipDir
		case d.Type().IsRegular() && name != "giro":
			found = append(found, name)
		}
		return nil
	})
	return found, err
})

var parsed = sync.OnceValues(func() (all []source, err error) {
	names, err := walked()
	for _, name := range names {
		if !strings.HasSuffix(name, ".go") || strings.HasPrefix(name, "tools/") || strings.HasPrefix(name, "examples/http-client/") { // modules of their own
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, name, text, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		all = append(all, source{path: name, lines: bytes.Count(text, []byte{'\n'}), fset: fset, ast: tree})
	}
	return all, err
})
