package saga

import (
	"errors"
	"fmt"
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
)

// MaxExpression bounds an expression, in bytes.
const MaxExpression = 4096

// expression is what stands between ${ and }. The same saga gives it the same value for ever, on
// every machine: it sees nothing but the saga and calls only functions that depend on nothing else.
type expression struct {
	source   string
	path     *path       // of a plain path; program is nil then
	program  *vm.Program // of everything else
	steps    []string    // whose results the program reads
	nullable bool        // it says itself that it may be null: with ?. or ?? or nil
	ofItem   bool        // it looks at the item or its index
}

// compileExpression checks and compiles an expression that stands where view says.
func compileExpression(source string, v view) (*expression, error) {
	if len(source) > MaxExpression {
		return nil, fmt.Errorf("the expression has %d bytes: at most %d are allowed", len(source), MaxExpression)
	}
	tree, err := parser.Parse(source)
	if err != nil {
		return nil, plainError(err)
	}
	refs, err := findReferences(tree.Node, v)
	if err != nil {
		return nil, err
	}
	e := &expression{source: source, steps: refs.steps, nullable: refs.nullable, ofItem: refs.ofItem}
	if e.path = pathOf(tree.Node); e.path != nil {
		return e, nil
	}
	if _, err = expr.Compile(source, names); err == nil { // the replaced operators would hide a wrong type
		e.program, err = expr.Compile(source, slices.Concat([]expr.Option{names}, countedLoops, exactArithmetic)...)
	}
	if err != nil {
		return nil, plainError(err)
	}
	return e, nil
}

// names are what a program can see; every other name is an error.
var names = expr.Env(types.Map{
	"input":   anyObject,
	"results": anyObject,
	"saga":    anyObject,
	"item":    types.Any,
	"index":   types.Int,

	iterationsName: types.TypeOf(new(iterations)),
})

var anyObject = types.Map{types.Extra: types.Any}

// list computes the length of a list.
func (e *expression) list(s *scope) (int, error) {
	v, err := e.value(s)
	if err != nil {
		return 0, err
	}
	list, ok := v.([]any)
	if !ok {
		return 0, fmt.Errorf("${%s}: it is not a list", e.source)
	}
	return len(list), nil
}

// at computes one item of a list. That of a plain path is found without the others.
func (e *expression) at(s *scope, index int) (any, error) {
	if e.path != nil {
		one := path{root: e.path.root, keys: append(slices.Clip(e.path.keys), index)}
		return one.value(s)
	}
	v, err := e.value(s)
	if err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok || index >= len(list) {
		return nil, fmt.Errorf("${%s}: there is no item %d", e.source, index)
	}
	return list[index], nil
}

// truth computes a condition.
func (e *expression) truth(s *scope) (bool, error) {
	v, err := e.value(s)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("${%s}: it is neither true nor false", e.source)
	}
	return b, nil
}

// value computes the expression for one saga.
func (e *expression) value(s *scope) (any, error) {
	v, err := e.compute(s)
	if err != nil {
		return nil, fmt.Errorf("${%s}: %w", e.source, err)
	}
	return v, nil
}

func (e *expression) compute(s *scope) (any, error) {
	if e.path != nil {
		return e.path.value(s)
	}
	environment, err := s.environment(e.steps)
	if err != nil {
		return nil, err
	}
	v, err := expr.Run(e.program, environment)
	if err != nil {
		return nil, plainError(err)
	}
	if v == nil && !e.nullable {
		return nil, errors.New(`it has no value (if that may be, say what it is then: ${... ?? "none"})`)
	}
	return v, nil
}

// plainError takes the sentence out of the library's error, which draws the place below it.
func plainError(err error) error {
	var located *file.Error
	if !errors.As(err, &located) {
		return err
	}
	if located.Prev != nil {
		return located.Prev
	}
	return fmt.Errorf("%s (at character %d)", located.Message, located.Column+1)
}
