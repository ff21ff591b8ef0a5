package outbox

import (
	"errors"
	"slices"
	"testing"
)

// sealing is a recorder that writes one item more for each transaction.
type sealing struct {
	*recorder
	id   int // of the item
	fail int // of the first so many seals
}

func (s *sealing) Seal(tx Tx) error {
	if s.fail--; s.fail >= 0 {
		return errors.New("a seal that fails")
	}
	_, err := tx.ExecContext(bg, `INSERT INTO items (id) VALUES (?)`, s.id)
	return err
}

// TestASealIsOfItsBatch: it is written once for a transaction, with it or not at all.
func TestASealIsOfItsBatch(t *testing.T) {
	db, w := openItems(t), &sealing{recorder: newRecorder(), id: 1000}
	l := NewLoop(db, w, 8)
	submit(t, l, 1, 3)
	runQueued(t, l)
	if got := storedIDs(t, db); !slices.Equal(got, []int{1, 2, 3, 1000}) {
		t.Errorf("stored %v", got)
	}
	w = &sealing{recorder: newRecorder(), id: 1001, fail: 2}
	l = NewLoop(db, w, 8)
	submit(t, l, 4, 5)
	runQueued(t, l)
	if got := storedIDs(t, db); !slices.Equal(got, []int{1, 2, 3, 5, 1000, 1001}) || w.failed[4] == nil {
		t.Errorf("stored %v, failed %v", got, w.failed)
	}
}
