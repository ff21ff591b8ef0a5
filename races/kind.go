package races

// Kind is one race that was prevented.
type Kind int

// The kinds, in the order in which they are shown: those of commands and replies, of starts, of
// databases, of locks and counters.
const (
	DuplicateCommand Kind = iota
	FenceSet
	FenceRefused
	OutOfOrder
	LateReply
	LateTimeout
	ContentConflict
	OriginConflict
	RecordConflict

	StartDeduplicated
	StartConflict
	IdempotentReplay
	IdempotencyConflict

	OptimisticConflict
	OptimisticExhausted
	RowWait
	Deadlock
	SerializationFailure

	LockWait
	LockExpired
	StaleToken
	AdditionRepeated
	LimitRefused

	kinds // how many there are
)

// table has a name and a sentence for each kind. Names are labels of metrics: they never change.
var table = [kinds]struct{ name, sentence string }{
	DuplicateCommand: {"duplicate_command", "A command came again and got its recorded answer: its effect was not repeated."},
	FenceSet:         {"fence_set", "An undo, an inquiry or a deadline came before the command: it will never run."},
	FenceRefused:     {"fence_refused", "A command met a fence and was not run."},
	OutOfOrder:       {"out_of_order", "A message was overtaken: an undo came before its command, or an old attempt was answered late."},
	LateReply:        {"late_reply", "A reply came when the step had its answer already, or the saga had ended."},
	LateTimeout:      {"late_timeout", "A timeout fired for an attempt that was answered or replaced meanwhile."},
	ContentConflict:  {"content_conflict", "A command of a known step asked for something else: it was not run."},
	OriginConflict:   {"origin_conflict", "Another orchestrator sent a command of a known step: it was not run."},
	RecordConflict:   {"record_conflict", "A command contradicted what is recorded, or a record was missing: nothing was done."},

	StartDeduplicated:   {"start_deduplicated", "A saga was started again with the same id and input: it is one saga."},
	StartConflict:       {"start_conflict", "A saga was started with an id that belongs to another input: it was refused."},
	IdempotentReplay:    {"idempotent_replay", "An HTTP request was repeated with its Idempotency-Key and got the first one's saga."},
	IdempotencyConflict: {"idempotency_conflict", "An HTTP request used the Idempotency-Key of another request: it was refused."},

	OptimisticConflict:   {"optimistic_conflict", "A row had changed since it was read: the write was refused and tried again."},
	OptimisticExhausted:  {"optimistic_exhausted", "A row changed at every try: the work was given up for now."},
	RowWait:              {"row_wait", "A transaction waited for a row, or a database, that another one had locked."},
	Deadlock:             {"deadlock", "Two transactions waited for each other: the database ended one, which ran again."},
	SerializationFailure: {"serialization_failure", "Transactions that could not be put in an order met: one was run again."},

	LockWait:         {"lock_wait", "A distributed lock was held by somebody else: the caller waited, or left."},
	LockExpired:      {"lock_expired", "A lock, or a leader's term, was lost under its holder."},
	StaleToken:       {"stale_token", "Who had lost a lock tried to write, and the resource refused the old token."},
	AdditionRepeated: {"addition_repeated", "An addition to a counter was sent again, and not added twice."},
	LimitRefused:     {"limit_refused", "Something would have gone beyond a limit, and was refused."},
}

// Name is the kind's name in metrics, in JSON and on the command line.
func (k Kind) Name() string { return table[k].name }

// Sentence says what happened, for people.
func (k Kind) Sentence() string { return table[k].sentence }

// Kinds are all there are, in their order.
func Kinds() []Kind {
	all := make([]Kind, kinds)
	for k := range all {
		all[k] = Kind(k)
	}
	return all
}
