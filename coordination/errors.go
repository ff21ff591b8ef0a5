package coordination

import "errors"

var (
	// ErrHeld: somebody else has the lock, and had it for as long as the call was to wait. Come back
	// later, or do without.
	ErrHeld = errors.New("coordination: lock is held")

	// ErrLost: the holder can no longer be sure that the lock is its own: it expired, was taken by
	// another, or could not be renewed in time. Stop; what was written under the token is safe only
	// where [Guard] looked at it.
	ErrLost = errors.New("coordination: lock lost")

	// ErrStale: the resource has seen a newer token, or the same one of another holder. Roll the
	// transaction back; the lock is somebody else's by now.
	ErrStale = errors.New("coordination: stale fencing token")

	// ErrLimit: the limit would be exceeded. Nothing was taken; the message says when the next window
	// begins.
	ErrLimit = errors.New("coordination: limit reached")

	// ErrUnsure: an addition was made, or may have been, and its result is not known. Do not add
	// again: read the counter.
	ErrUnsure = errors.New("coordination: outcome unknown")

	// ErrRange: a counter does not fit into 64 bits any more.
	ErrRange = errors.New("coordination: counter out of range")

	// ErrInvalid: a name or a setting cannot be used. The caller must correct it.
	ErrInvalid = errors.New("coordination: invalid")
)
