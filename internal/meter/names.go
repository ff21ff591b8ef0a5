package meter

import "github.com/prometheus/client_golang/prometheus"

// The metrics of a [Part].
var (
	racesTotal = desc("giro_races_total", "Races that were prevented; `giro races` says a sentence about each.", "race")

	commitsTotal  = desc("giro_commits_total", "Transactions that the part's database has committed; in SQLite each is one fsync.")
	batchItems    = desc("giro_batch_items", "Items of one committed batch: commands, replies, starts. One commit serves all of them.")
	batchesUndone = desc("giro_batches_undone_total", "Batches of several items that were rolled back and run again one by one.")

	outboxRows     = desc("giro_outbox_rows", "Commands without their business reply.")
	outboxUnsent   = desc("giro_outbox_unsent", "Of these, those whose present attempt the broker has not stored yet.")
	outboxAge      = desc("giro_outbox_oldest_seconds", "Age of the oldest of these, since this process knows it.")
	outboxSends    = desc("giro_outbox_sends_total", "Publishes of commands: first sends, and sends that are made again.", "send")
	outboxFailures = desc("giro_outbox_failures_total", "Publishes that the broker did not acknowledge; they are repeated.")

	deliveredTotal     = desc("giro_delivered_total", "Messages that the broker has delivered, repeats included.", "stream")
	redeliveredTotal   = desc("giro_redelivered_total", "Of these, those that it had delivered to the same consumer before.", "stream")
	subscriptionsTotal = desc("giro_subscriptions_total", "Subscriptions to a stream: one at the start, one after each reconnect or loss.", "stream")
	incarnationsTotal  = desc("giro_stream_incarnations_total", "Times that a stream was found to be another one: it, or the broker's store, had been lost.", "stream")
	consumerLag        = desc("giro_consumer_lag", "Messages in a stream that the part has not worked off. Absent while the broker is away.", "stream")

	deadTotal = desc("giro_dead_letters_total", "Messages that could not be handled and were put aside.", "what")
)

// desc has the label part, and those that are named.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, append([]string{"part"}, labels...), nil)
}
