package orchestrator

import "errors"

// ErrForeignWriter says that a saga's row was changed by somebody else: two processes write one
// database. Nothing can be trusted until one of them is stopped.
var ErrForeignWriter = errors.New("the database is written by another process")

// ErrForeignStreams says that the streams belong to another orchestrator store. Start with the
// store that owns them, use another subject prefix, or take them over on purpose (Config.Adopt).
var ErrForeignStreams = errors.New("the streams belong to another orchestrator store")

// ErrDefinitionExists says that this version of a definition is stored with another content.
// Definitions are immutable: give the change a new version.
var ErrDefinitionExists = errors.New("this version exists with another content")
