package orchestrator

import (
	"errors"
	"testing"

	"github.com/girohq/giro/internal/wire"
)

// TestOfflineIsKept holds that nothing is deleted that cannot be made again, or that may be another store's: there is
// no broker here that could be asked to.
func TestOfflineIsKept(t *testing.T) {
	names, err := wire.New("")
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("offline")
	for name, ours := range map[string]bool{names.Starts(): true, names.Dead(): true, names.Commands(): false, names.Replies(): false} {
		s := &streams{names: names}
		if err := s.clear(t.Context(), ours, []offline{{name, why}}); !errors.Is(err, why) {
			t.Errorf("%s, ours %v: %v", name, ours, err)
		}
	}
}
