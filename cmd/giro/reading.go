package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/spf13/cobra"
)

// reading is where the commands that only look get their answers: a server, or the files of an
// instance that is stopped.
type reading interface {
	Get(ctx context.Context, id string) (saga.Document, error)
	List(ctx context.Context, req client.ListRequest) (client.List, error)
	History(ctx context.Context, id string) (client.History, error)
	Pauses(ctx context.Context) (client.PauseList, error)
	Schedules(ctx context.Context) (client.ScheduleList, error)
	Schedule(ctx context.Context, name string) (client.Schedule, error)
	Definitions(ctx context.Context) (client.DefinitionList, error)
	Definition(ctx context.Context, name string, version int) (json.RawMessage, error)
}

// addDataFlag adds --data to a command that only looks.
func addDataFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "data", "", "read the files in `DIR` instead of asking a server")
	_ = cmd.MarkFlagDirname("data") // the flag was just added
}

// read calls look with the server, or with the files when a directory is given.
func (a *app) read(ctx context.Context, dir string, look func(context.Context, reading) error) error {
	if dir != "" {
		return readFiles(ctx, dir, look)
	}
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	ctx, cancel := a.limited(s.ctx)
	defer cancel()
	return look(ctx, s)
}

func readFiles(ctx context.Context, dir string, look func(context.Context, reading) error) error {
	path := filepath.Join(dir, embedded.OrchestratorFile)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return usageError("--data %s: there is no %s in it", dir, embedded.OrchestratorFile)
	}
	return readFile(ctx, path, look)
}

// readFile reads an orchestrator's database, whatever its name.
func readFile(ctx context.Context, path string, look func(context.Context, reading) error) error {
	db, err := outbox.OpenReadOnly(path)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	defer func() { _ = db.Close() }() // it was only read
	query, err := orchestrator.OpenQuery(ctx, db)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return look(ctx, files{query})
}

// files answers from a database in the words of the client.
type files struct {
	query *orchestrator.Query
}

func (f files) Get(ctx context.Context, id string) (saga.Document, error) {
	return f.query.Get(ctx, id)
}

func (f files) List(ctx context.Context, req client.ListRequest) (client.List, error) {
	return f.query.List(ctx, req, time.Now())
}

func (f files) History(ctx context.Context, id string) (client.History, error) {
	return f.query.History(ctx, id)
}

func (f files) Pauses(context.Context) (client.PauseList, error) { return f.query.Pauses(), nil }

func (f files) Schedules(ctx context.Context) (client.ScheduleList, error) {
	return wire.AllSchedules(func(req wire.ScheduleListRequest) (client.ScheduleList, error) { return f.query.Schedules(ctx, req) })
}

func (f files) Schedule(ctx context.Context, name string) (client.Schedule, error) {
	return f.query.Schedule(ctx, name)
}

func (f files) Definitions(context.Context) (client.DefinitionList, error) {
	return f.query.Definitions(), nil
}

func (f files) Definition(_ context.Context, name string, version int) (json.RawMessage, error) {
	return f.query.Definition(name, version)
}
