package ledger

import (
	"github.com/girohq/giro/races"
	"github.com/prometheus/client_golang/prometheus"
)

// Collector gives the bank's metrics to a Prometheus registry; see [participants.Participant.Collector].
func (b *Bank) Collector() prometheus.Collector { return b.participant.Collector() }

// Races counts what the bank has prevented since it was opened.
func (b *Bank) Races() *races.Counts { return b.participant.Races() }
