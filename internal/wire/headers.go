package wire

// The headers of the protocol. None of ours begins with Nats-.
const (
	HeaderID          = "Saga-Id"
	HeaderType        = "Saga-Type"
	HeaderStep        = "Saga-Step"
	HeaderKind        = "Saga-Kind"
	HeaderDirection   = "Saga-Direction"
	HeaderKnown       = "Saga-Known"
	HeaderAttempt     = "Saga-Attempt"
	HeaderOp          = "Saga-Op"
	HeaderOrigin      = "Saga-Origin"
	HeaderRevision    = "Saga-Revision"
	HeaderReplyTo     = "Saga-Reply-To"
	HeaderDeadline    = "Saga-Deadline"
	HeaderExpires     = "Saga-Expires" // of a try: when its hold is overdue
	HeaderExpiry      = "Saga-Expiry"  // of a try: what is done then
	HeaderOutcome     = "Saga-Outcome"
	HeaderErrorCode   = "Saga-Error-Code"
	HeaderError       = "Saga-Error"
	HeaderRetryAfter  = "Saga-Retry-After"
	HeaderVersion     = "Saga-Version"
	HeaderStartAt     = "Saga-Start-At"
	HeaderDryRun      = "Saga-Dry-Run" // on definitions.apply: true only says what would change
	HeaderOriginSubj  = "Saga-Origin-Subject"
	HeaderOriginSeq   = "Saga-Origin-Seq"
	HeaderStore       = "Saga-Participant-Store"   // the participant's store: its incarnation
	HeaderCommit      = "Saga-Participant-Commit"  // a number that grows with each of its commits
	HeaderSession     = "Saga-Participant-Session" // of the process that answered: new at each start
	HeaderEventNumber = "Saga-Event"               // the orchestrator's own number of an event
	HeaderMsgID       = "Nats-Msg-Id"
	HeaderTraceParent = "traceparent"
	HeaderPrefer      = "Prefer"
	HeaderIdempotency = "Idempotency-Key"
)

// The keys of a stream's metadata that Giro writes.
const (
	MetaOrigin = "giro.origin" // the store id of the orchestrator that owns the stream
	MetaRole   = "giro.role"
)
