package saga

import (
	"fmt"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
)

// MaxIterations bounds the rounds of all loops of an expression together, such as those of map and
// filter. Every saga is moved by the same goroutine, so no expression may take long, whatever the
// input is.
const MaxIterations = 10_000

// iterations is how many rounds are left in one run of a program.
type iterations int

// iterationsName is the variable that holds it. No expression can name it: it is not an identifier.
const iterationsName = "iterations left"

var errTooManyIterations = fmt.Errorf("its loops take more than %d rounds", MaxIterations)

var countedLoops = []expr.Option{
	expr.Patch(loopCounter{}),
	expr.Function("countIteration", countIteration, new(func(any, any) any)),
}

// loopCounter makes the body of each loop count itself.
type loopCounter struct{}

// Visit is called for a node after its children.
func (loopCounter) Visit(node *ast.Node) {
	if n, ok := (*node).(*ast.PredicateNode); ok {
		patchCall(&n.Node, "countIteration", &ast.IdentifierNode{Value: iterationsName}, n.Node)
	}
}

// countIteration passes on the value of a loop's body.
func countIteration(values ...any) (any, error) {
	left := values[0].(*iterations)
	if *left--; *left < 0 {
		return nil, errTooManyIterations
	}
	return values[1], nil
}
