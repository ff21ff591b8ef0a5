package saga

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm/runtime"
)

// The expression library lets whole numbers wrap around when they overflow, and a float too large
// for an int becomes another one on each processor. With money both must be errors, so + - * sum
// and int are replaced by functions that check. + checks the length of texts as well.
var exactArithmetic = []expr.Option{
	expr.Patch(exactOperators{}),
	exactly("exactAdd", add, addOthers),
	exactly("exactSubtract", subtract, runtime.Subtract),
	exactly("exactMultiply", multiply, runtime.Multiply),
	expr.Function("exactSum", exactSum, new(func(any) any)),
	expr.Function("int", exactInt, new(func(any) int)),
}

var errOverflow = errors.New("the number is too large to be exact")

var errTooLong = fmt.Errorf("the text has more than %d bytes", MaxBody)

var exactNames = map[string]string{"+": "exactAdd", "-": "exactSubtract", "*": "exactMultiply"}

// exactOperators replaces the operators in the expression's tree.
type exactOperators struct{}

// Visit is called for a node after its children.
func (exactOperators) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.BinaryNode:
		if name := exactNames[n.Operator]; name != "" {
			patchCall(node, name, n.Left, n.Right)
		}
	case *ast.BuiltinNode:
		if n.Name != "sum" {
			return
		}
		list := n.Arguments[0]
		if len(n.Arguments) == 2 {
			list = &ast.BuiltinNode{Name: "map", Arguments: n.Arguments}
		}
		patchCall(node, "exactSum", list)
	}
}

func patchCall(node *ast.Node, name string, arguments ...ast.Node) {
	ast.Patch(node, &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: arguments})
}

// exactly makes a function of two values that checks whole numbers and leaves all others to the library.
func exactly(name string, whole func(a, b int) (int, bool), otherwise func(a, b any) any) expr.Option {
	return expr.Function(name, func(values ...any) (any, error) {
		a, isInt := values[0].(int)
		b, areInts := values[1].(int)
		if !isInt || !areInts {
			return otherwise(values[0], values[1]), nil
		}
		n, ok := whole(a, b)
		if !ok {
			return nil, errOverflow
		}
		return n, nil
	}, new(func(any, any) any))
}

func add(a, b int) (int, bool)      { return a + b, (a+b > a) == (b > 0) }
func subtract(a, b int) (int, bool) { return a - b, (a-b < a) == (b > 0) }

func multiply(a, b int) (int, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	n := a * b
	return n, n/b == a && (n < 0) == ((a < 0) != (b < 0))
}

func addOthers(a, b any) any {
	text, isText := a.(string)
	more, areTexts := b.(string)
	if isText && areTexts && len(text)+len(more) > MaxBody {
		panic(errTooLong) // the library turns it into the expression's error
	}
	return runtime.Add(a, b)
}

// exactSum adds up a list.
func exactSum(values ...any) (any, error) {
	var sum any = 0
	for i := range runtime.Len(values[0]) {
		v := runtime.Fetch(values[0], i)
		a, isInt := sum.(int)
		b, areInts := v.(int)
		if !isInt || !areInts {
			sum = runtime.Add(sum, v)
			continue
		}
		n, ok := add(a, b)
		if !ok {
			return nil, errOverflow
		}
		sum = n
	}
	return sum, nil
}

// exactInt drops the fraction of a number, or reads a text.
func exactInt(values ...any) (any, error) {
	switch v := values[0].(type) {
	case int:
		return v, nil
	case float64:
		if math.IsNaN(v) || v >= 1<<63 || v < -1<<63 {
			return nil, errOverflow
		}
		return int(v), nil
	case string:
		if n, err := strconv.Atoi(v); err == nil {
			return n, nil
		}
	}
	return nil, fmt.Errorf("int(%v): not a whole number", values[0])
}
