package audit

import (
	"testing"

	"github.com/girohq/giro/internal/generated"
)

// generate writes the databases of n transfers, the last three of which are under way.
func generate(tb testing.TB, n int) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	if err := generated.Transfers(tb.Context(), dir, n, 3); err != nil {
		tb.Fatal(err)
	}
	return dir
}
