package sagatest

// Bug is a mistake planted into a run, to see that the audit finds it. Each is made in the
// simulated shell or in the messages, never in the code under test.
type Bug string

// The bugs that can be planted.
const (
	NoBug Bug = ""
	// ReleasedAtPubAck drops an outbox row when the broker has stored the command, instead of
	// when the participant has answered: what the broker then loses is lost.
	ReleasedAtPubAck Bug = "outbox row released at PubAck"
	// NoFence answers "nothing to undo" without recording it: the late forward still runs.
	NoFence Bug = "no fence"
	// TwoTransactions commits the effect first and the inbox row after it.
	TwoTransactions Bug = "inbox and effect in two transactions"
	// AckBeforeCommit tells the client and the broker before the orchestrator's commit.
	AckBeforeCommit Bug = "ack before commit"
	// ExhaustedIsRefused takes the last retry a participant may ask for as its refusal.
	ExhaustedIsRefused Bug = "exhausted retry taken for a refusal"
	// UndoKeyedApart gives the undo an inbox row of its own.
	UndoKeyedApart Bug = "undo keyed apart from its forward"
	// DeduplicationTrusted keeps no inbox row for a success: the broker drops repeats, it is hoped.
	DeduplicationTrusted Bug = "broker's de-duplication instead of an inbox"
	// SentBeforeCommit publishes commands before the commit that decided on them.
	SentBeforeCommit Bug = "command sent before commit"
	// TimersForgotten arms no timer again when the process starts.
	TimersForgotten Bug = "timers lost in a restart"
	// EarlySignalLost drops a signal that no step waits for yet.
	EarlySignalLost Bug = "early signal lost"
	// ConfirmedEarly enqueues a hold's confirm when it was taken, not after all that can be refused.
	ConfirmedEarly Bug = "confirm before everything refusable has settled"
	// ReleasedLate cancels a hold although its confirm is out.
	ReleasedLate Bug = "cancel of a hold after its confirm was enqueued"
	// UndoneInWrongOrder undoes every step at once.
	UndoneInWrongOrder Bug = "dependency undone before its dependent"
	// ListComputedAgain forgets the last run over a list that has not begun: the list is shorter now.
	ListComputedAgain Bug = "list of each computed again, to another length"
	// UnfencedWish skips and abandons without waiting for the fence, and does not say so.
	UnfencedWish Bug = "skip and abandon without fence"
	// ChildUndoneLate undoes a child that stands when its parent passes its pivot.
	ChildUndoneLate Bug = "child undone after its parent's pivot"
	// ToldAfterCommit tells other sagas after the commit: a crash between them loses it.
	ToldAfterCommit Bug = "child told after commit"
)

// Bugs returns every bug that can be planted.
func Bugs() []Bug {
	return []Bug{
		ReleasedAtPubAck, NoFence, TwoTransactions, AckBeforeCommit,
		ExhaustedIsRefused, UndoKeyedApart, DeduplicationTrusted, SentBeforeCommit,
		TimersForgotten, EarlySignalLost, ConfirmedEarly, ReleasedLate, UndoneInWrongOrder, ListComputedAgain,
		UnfencedWish, ChildUndoneLate, ToldAfterCommit,
	}
}
