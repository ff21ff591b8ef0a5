package giro_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// The fences: a function or a file that reaches one holds two things.
const (
	maxFunction = 70
	maxFile     = 400
)

// giants may be longer than the fence, but not longer than they are: the numbers only go down.
var giants = map[string]int{
	"saga/transition.go":            500, // the state machine is read in one piece
	"saga/transition.go:Transition": 107, // a row for each state and event
}

func TestFunctionsAreShort(t *testing.T) {
	for _, s := range sources(t) {
		for _, decl := range s.ast.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := s.line(fn.End()) - s.line(fn.Pos()) + 1
			checkLength(t, s.path+":"+fn.Name.Name, lines, maxFunction)
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	for _, s := range sources(t) {
		checkLength(t, s.path, s.lines, maxFile)
	}
}

func checkLength(t *testing.T, what string, lines, fence int) {
	t.Helper()
	limit, giant := giants[what]
	switch {
	case giant && lines <= fence:
		t.Errorf("%s has %d lines, no longer more than %d: take it off the list of giants", what, lines, fence)
	case giant && lines > limit:
		t.Errorf("%s has grown to %d lines, from %d: make it shorter", what, lines, limit)
	case !giant && lines > fence:
		t.Errorf("%s has %d lines, at most %d are allowed: which second noun crept in?", what, lines, fence)
	}
}

func TestPackagesAreDocumented(t *testing.T) {
	documented := make(map[string]bool)
	for _, s := range sources(t) {
		if !s.test() {
			documented[s.folder()] = documented[s.folder()] || s.ast.Doc != nil && (s.ast.Name.Name == "main" || filepath.Base(s.path) == "doc.go")
		}
	}
	for folder, ok := range documented {
		if !ok {
			t.Errorf("package %s has no comment in its doc.go", folder)
		}
	}
}

// Every exported name says what it promises. Methods of unexported types are exempt, and Error and
// String: they are somebody else's interface.
func TestExportedNamesAreDocumented(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() || s.ast.Name.Name == "main" {
			continue
		}
		for _, decl := range s.ast.Decls {
			for _, name := range undocumented(decl) {
				t.Errorf("%s:%d: %s has no comment", s.path, s.line(name.Pos()), name.Name)
			}
		}
	}
}

func undocumented(decl ast.Decl) []*ast.Ident {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) && d.Name.Name != "Error" && d.Name.Name != "String" {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		return undocumentedSpecs(d)
	}
	return nil
}

// undocumentedSpecs takes the comment above a group, or one beside or above the name.
func undocumentedSpecs(d *ast.GenDecl) (names []*ast.Ident) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if d.Doc == nil && s.Doc == nil && s.Name.IsExported() {
				names = append(names, s.Name)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if d.Doc == nil && s.Doc == nil && s.Comment == nil && name.IsExported() {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

func exportedReceiver(fn *ast.FuncDecl) bool {
	if fn.Recv == nil {
		return true
	}
	t := fn.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// A test that sleeps is slow when the machine is fast and wrong when it is slow.
func TestNoTestSleeps(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test() {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if name, ok := selected(n, "time"); ok && name == "Sleep" {
				t.Errorf("%s:%d: a test waits for what it needs, it does not sleep", s.path, s.line(n.Pos()))
			}
			return true
		})
	}
}

// machinePath finds the path of somebody's own machine.
var machinePath = regexp.MustCompile(`(^|[\s"'=(:` + "`" + `])/(home|root|Users|work|mnt|tmp)/`)

func TestNoMachinePaths(t *testing.T) {
	for _, name := range files(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(text) {
			continue
		}
		for i, line := range strings.Split(string(text), "\n") {
			if machinePath.MatchString(line) {
				t.Errorf("%s:%d: a path of one machine: %s", name, i+1, strings.TrimSpace(line))
			}
		}
	}
}

// TestDocsNameTestsThatExist follows each promise to the test that is said to hold it.
func TestDocsNameTestsThatExist(t *testing.T) {
	exists := make(map[string]bool)
	for _, s := range sources(t) {
		for _, decl := range s.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && s.test() {
				exists[fn.Name.Name] = true
			}
		}
	}
	for _, name := range files(t) {
		if filepath.Ext(name) != ".md" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range testName.FindAllStringSubmatch(string(text), -1) {
			if !exists[test[1]] {
				t.Errorf("%s: there is no test %s", name, test[1])
			}
		}
	}
}

var testName = regexp.MustCompile("`(Test[A-Z][A-Za-z0-9]*)`")
