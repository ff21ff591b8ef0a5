package outbox_test

import (
	"path/filepath"
	"testing"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/outbox/outboxtest"
)

// TestConformance is the suite that runs on both databases, on SQLite.
func TestConformance(t *testing.T) {
	outboxtest.Run(t, func(t *testing.T) outboxtest.Open {
		path := filepath.Join(t.TempDir(), "x.db")
		return func() (outbox.Database, error) { return outbox.Open(t.Context(), outbox.Config{Path: path}) }
	})
}
