package torture

import "errors"

var (
	// ErrConfig: a setting is missing or out of range. Change it.
	ErrConfig = errors.New("no such torture")
	// ErrUnknown: there is no fault of that name. [Faults] lists them.
	ErrUnknown = errors.New("unknown fault")
	// ErrRow: the board has no row of that name. [Board] lists them.
	ErrRow = errors.New("unknown row")
	// ErrData: the directory has a run's data already. Choose another, or remove it.
	ErrData = errors.New("the directory is not empty")
)
