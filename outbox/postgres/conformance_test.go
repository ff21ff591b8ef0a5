package postgres

import (
	"testing"

	"github.com/girohq/giro/internal/pgtest"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/outbox/outboxtest"
)

// TestConformance is the suite that runs on both databases, on Postgres.
func TestConformance(t *testing.T) {
	outboxtest.Run(t, func(t *testing.T) outboxtest.Open {
		dsn := pgtest.DSN(t)
		return func() (outbox.Database, error) { return Open(bg, Config{DSN: dsn, Writers: 2, Readers: 2}) }
	})
}
