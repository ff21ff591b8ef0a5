package giro_test

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// arrows says which packages of this module each package may import. A new arrow is a decision,
// not a convenience: orchestrator and participants never meet, saga and outbox import nothing.
const arrows = `
saga                 ->
outbox               -> outbox/internal/schema
races                ->
outbox/internal/schema ->
outbox/postgres      -> outbox races outbox/internal/schema
outbox/outboxtest    -> outbox
saga/sagatest        -> saga saga/internal/random
saga/internal/random ->
internal/wire        -> saga
internal/jet         -> outbox
internal/tracing     ->
internal/meter       -> outbox internal/jet races
orchestrator         -> saga outbox races internal/wire internal/jet internal/meter internal/tracing
participants         -> saga outbox races internal/wire internal/jet internal/meter outbox/postgres internal/tracing
participants/ledger  -> saga outbox races participants coordination internal/wire outbox/postgres
client               -> saga outbox internal/wire
coordination         -> internal/jet races
internal/cluster     ->
embedded             -> saga outbox internal/wire internal/jet orchestrator participants/ledger
internal/sight       ->
gateway              -> saga races internal/wire orchestrator
internal/pgserver    ->
internal/pgtest      -> internal/pgserver
internal/lab         -> saga outbox outbox/postgres races embedded participants participants/ledger coordination internal/wire internal/pgserver internal/chart
internal/histories   -> saga outbox client embedded participants/ledger internal/audit
internal/audit       -> saga outbox outbox/postgres internal/witness
internal/chart       ->
internal/floor       -> saga outbox client embedded orchestrator participants participants/ledger internal/wire internal/jet
internal/drive       -> saga client embedded
internal/batch       -> saga outbox client embedded participants/ledger internal/audit internal/drive
internal/bench       -> saga outbox client embedded gateway internal/wire internal/jet participants/ledger internal/audit internal/drive internal/chart internal/cluster internal/farm internal/floor
internal/standby     -> coordination outbox internal/wire
internal/witness     -> saga
internal/farm        ->
internal/torture     -> saga client internal/farm internal/jet internal/wire internal/witness internal/audit participants/ledger outbox
internal/crash       ->
internal/berka       ->
internal/asleep      ->
internal/generated   -> outbox orchestrator participants participants/ledger
internal/growth      ->
internal/overload    ->
cmd/giro             -> saga outbox races client embedded gateway orchestrator participants participants/ledger internal/wire internal/jet internal/audit internal/batch internal/bench internal/chart internal/drive internal/standby internal/sight internal/lab internal/torture internal/witness outbox/postgres
examples/first-saga  -> participants
examples/internal/stage -> saga outbox client embedded participants participants/ledger
examples/trip-booking -> participants examples/internal/stage
examples/order       -> participants examples/internal/stage
examples/currency-transfer -> participants examples/internal/stage
examples/refund      -> participants examples/internal/stage
examples/loan        -> participants examples/internal/stage
examples/payroll     -> participants examples/internal/stage
examples/subscription -> participants examples/internal/stage
examples/account-closing -> participants examples/internal/stage
examples/load        ->
docs                 ->
.                    ->
`

// pure is the standard library as package saga may use it: nothing that knows a clock, a disk,
// a network, a database or chance. time is for its types.
const pure = `bytes cmp crypto/sha256 encoding/hex encoding/json errors fmt hash/fnv io math math/big reflect
	regexp slices strconv strings sync time unicode/utf8 maps iter`

func TestImportArrows(t *testing.T) {
	may := make(map[string][]string)
	for row := range strings.Lines(strings.TrimSpace(arrows)) {
		from, to, _ := strings.Cut(row, "->")
		may[strings.TrimSpace(from)] = strings.Fields(to)
	}
	for _, s := range sources(t) {
		allowed, known := may[s.folder()]
		if s.test() {
			continue
		}
		if !known {
			t.Errorf("%s: package %s is not in the table of deps_test.go: say there what it may import", s.path, s.folder())
		}
		for _, imported := range s.imports() {
			of, ours := strings.CutPrefix(imported, module)
			if ours && !slices.Contains(allowed, of) {
				t.Errorf("%s: package %s may not import %s", s.path, s.folder(), of)
			}
		}
	}
}

func TestSagaIsPure(t *testing.T) {
	allowed := strings.Fields(pure)
	for _, s := range sources(t) {
		if s.test() || s.folder() != "saga" {
			continue
		}
		for _, imported := range s.imports() {
			host, _, _ := strings.Cut(imported, "/")
			if standard := !strings.Contains(host, "."); standard && !slices.Contains(allowed, imported) {
				t.Errorf("%s: package saga may not import %s", s.path, imported)
			}
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if name, ok := selected(n, "time"); ok && slices.Contains(clocks, name) {
				t.Errorf("%s:%d: package saga may not look at the clock (time.%s): events carry their time", s.path, s.line(n.Pos()), name)
			}
			return true
		})
	}
}

var clocks = []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer", "Sleep"}

// selected returns the name that is taken from a package: Sleep of time.Sleep.
func selected(n ast.Node, pkg string) (name string, ok bool) {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	from, ok := sel.X.(*ast.Ident)
	return sel.Sel.Name, ok && from.Name == pkg
}
