package histories

import (
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/girohq/giro/saga"
)

// op is an operation that lasts from one number to another.
func op(call, done int64, in, out any) porcupine.Operation {
	return porcupine.Operation{Input: in, Call: call, Output: out, Return: done}
}

// TestSagaModel holds which histories of one id the model takes and which it refuses.
func TestSagaModel(t *testing.T) {
	begin := func(call, done int64, input int, answer string, state saga.State) porcupine.Operation {
		return op(call, done, sagaIn{start, "s", input}, sagaOut{answer, state})
	}
	read := func(call, done int64, answer string, state saga.State) porcupine.Operation {
		return op(call, done, sagaIn{op: get, id: "s"}, sagaOut{answer, state})
	}
	stop := func(call, done int64, answer string, state saga.State) porcupine.Operation {
		return op(call, done, sagaIn{op: cancel, id: "s"}, sagaOut{answer, state})
	}
	const ever = 1 << 40
	for name, tt := range map[string]struct {
		ops   []porcupine.Operation
		legal bool
	}{
		"a life":                         {[]porcupine.Operation{read(1, 2, notFound, ""), begin(3, 4, 0, shown, saga.Running), read(5, 6, shown, saga.Completed), begin(7, 8, 0, shown, saga.Completed)}, true},
		"one waits, and another looks":   {[]porcupine.Operation{begin(1, 9, 0, accepted, ""), read(1, 9, shown, saga.Completed), read(3, 4, shown, saga.Running)}, true},
		"one waits for another's end":    {[]porcupine.Operation{begin(1, 2, 0, shown, saga.Running), begin(3, 9, 1, accepted, ""), read(3, 9, shown, saga.Completed)}, false},
		"two at once, one wins":          {[]porcupine.Operation{begin(1, 4, 0, conflict, ""), begin(2, 3, 1, shown, saga.Running)}, true},
		"two at once, both win":          {[]porcupine.Operation{begin(1, 4, 0, shown, saga.Running), begin(2, 3, 1, shown, saga.Running)}, false},
		"two at once, none wins":         {[]porcupine.Operation{begin(1, 4, 0, conflict, ""), begin(2, 3, 1, conflict, "")}, false},
		"a conflict with itself":         {[]porcupine.Operation{begin(1, 2, 0, shown, saga.Running), begin(3, 4, 0, conflict, "")}, false},
		"it vanishes":                    {[]porcupine.Operation{begin(1, 2, 0, shown, saga.Running), read(3, 4, notFound, "")}, false},
		"it comes out of nothing":        {[]porcupine.Operation{read(1, 2, shown, saga.Running)}, false},
		"a start without an answer":      {[]porcupine.Operation{begin(1, ever, 0, unknown, ""), read(2, 3, notFound, ""), read(4, 5, shown, saga.Running)}, true},
		"it comes, goes and comes":       {[]porcupine.Operation{begin(1, ever, 0, unknown, ""), read(2, 3, shown, saga.Running), read(4, 5, notFound, "")}, false},
		"an end is taken back":           {[]porcupine.Operation{begin(1, 2, 0, shown, saga.Running), read(3, 4, shown, saga.Completed), read(5, 6, shown, saga.Running)}, false},
		"an old read while it ends":      {[]porcupine.Operation{begin(1, 2, 0, shown, saga.Running), read(3, 9, shown, saga.Running), read(4, 5, shown, saga.Completed)}, true},
		"it is undone and then runs":     {[]porcupine.Operation{begin(1, 2, 0, shown, saga.Running), read(3, 4, shown, saga.Compensating), read(5, 6, shown, saga.Running)}, false},
		"cancelled and undone":           {[]porcupine.Operation{begin(1, 2, 0, shown, saga.Running), stop(3, 4, shown, saga.Compensating), read(5, 6, shown, saga.Compensated)}, true},
		"cancelled and completed":        {[]porcupine.Operation{begin(1, 2, 0, shown, saga.Running), stop(3, 4, shown, saga.Compensating), read(5, 6, shown, saga.Completed)}, false},
		"remembered and completed":       {[]porcupine.Operation{begin(1, 2, 0, shown, saga.Running), stop(3, 4, shown, saga.Running), read(5, 6, shown, saga.Completed)}, true},
		"too late to cancel":             {[]porcupine.Operation{begin(1, 2, 0, shown, saga.Running), stop(3, 4, conflict, ""), read(5, 6, shown, saga.Completed)}, true},
		"cancelled before it was there":  {[]porcupine.Operation{stop(1, 2, conflict, ""), begin(3, 4, 0, shown, saga.Running)}, false},
		"a cancel that was not answered": {[]porcupine.Operation{begin(1, 2, 0, shown, saga.Running), stop(3, ever, unknown, ""), read(4, 5, shown, saga.Completed)}, true},
	} {
		if got := porcupine.CheckOperations(sagaModel(), tt.ops); got != tt.legal {
			t.Errorf("%s: %t, want %t", name, got, tt.legal)
		}
	}
}

// TestAccountModel holds the same of one account, which begins with 100.
func TestAccountModel(t *testing.T) {
	transfer := func(call, done int64, id string, change int64) porcupine.Operation {
		return op(call, done, move{account: "a", id: id, change: change}, nil)
	}
	undone := func(call, done int64, id string, amount int64) []porcupine.Operation {
		return []porcupine.Operation{op(call, done, move{"a", id, -amount, true}, nil), op(call, done, move{"a", id, amount, true}, nil)}
	}
	read := func(call, done int64, balance int64) porcupine.Operation {
		return op(call, done, move{account: "a"}, balance)
	}
	for name, tt := range map[string]struct {
		ops   []porcupine.Operation
		legal bool
	}{
		"taken and given":             {[]porcupine.Operation{transfer(1, 4, "x", -30), read(2, 3, 100), read(5, 6, 70), transfer(7, 8, "y", 5), read(9, 10, 75)}, true},
		"a lost update":               {[]porcupine.Operation{transfer(1, 4, "x", -30), transfer(2, 5, "y", -20), read(6, 7, 80)}, false},
		"a read of the past":          {[]porcupine.Operation{transfer(1, 2, "x", -30), read(3, 4, 100)}, false},
		"a read that goes back":       {[]porcupine.Operation{transfer(1, 9, "x", -30), read(2, 3, 70), read(4, 5, 100)}, false},
		"half a transfer":             {[]porcupine.Operation{transfer(1, 9, "x", -30), read(2, 3, 85)}, false},
		"below zero":                  {[]porcupine.Operation{transfer(1, 2, "x", -130)}, false},
		"below zero but for another":  {[]porcupine.Operation{transfer(1, 4, "x", -130), transfer(2, 3, "y", 50)}, true},
		"undone, and seen in between": {append(undone(1, 8, "x", 30), read(2, 3, 100), read(4, 5, 70), read(6, 7, 100)), true},
		"refused":                     {append(undone(1, 8, "x", 30), read(9, 10, 100)), true},
		"undone, and it stays":        {append(undone(1, 8, "x", 30), read(9, 10, 70)), false},
		"undone twice":                {append(undone(1, 8, "x", 30), read(9, 10, 130)), false},
		"two are undone side by side": {append(append(undone(1, 8, "x", 30), undone(1, 8, "y", 20)...), read(2, 3, 50), read(4, 5, 80), read(9, 10, 100)), true},
		"given back what was not":     {append(undone(1, 8, "x", 30), read(2, 3, 130)), false},
	} {
		if got := porcupine.CheckOperations(accountModel(100), tt.ops); got != tt.legal {
			t.Errorf("%s: %t, want %t", name, got, tt.legal)
		}
	}
}
