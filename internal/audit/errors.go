package audit

import "errors"

var (
	// ErrNoOrchestrator: without the orchestrator's database nothing can be judged. Name the data
	// directory, or its orchestrator.db beside the banks' files.
	ErrNoOrchestrator = errors.New("no orchestrator's database among the files")
	// ErrTwoOrchestrators: the sagas of one store are judged at a time. Name one.
	ErrTwoOrchestrators = errors.New("more than one orchestrator's database among the files")
	// ErrNotGiro: a file is no database of an orchestrator or a bank. Take it out of the list.
	ErrNotGiro = errors.New("neither an orchestrator's nor a bank's database")
)
