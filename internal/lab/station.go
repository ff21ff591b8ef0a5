package lab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/outbox/postgres"
	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/saga"
	"github.com/rs/zerolog"
)

// station is a participant on a database of its own: the product's handlers, barrier and commits, and
// commands that come by hand instead of from a broker.
type station struct {
	*participants.Participant
	participants.Database
	drop func() error
}

// newStation makes a database with tables, or with the migrations of an owner, and registers handlers.
func newStation(ctx context.Context, w *World, on Database, tables string, register func(*participants.Participant)) (*station, error) {
	db, drop, err := w.participantDB(ctx, on, tables)
	if err != nil {
		return nil, err
	}
	return manned(db, drop, register)
}

// manned puts a participant on a database.
func manned(db participants.Database, drop func() error, register func(*participants.Participant)) (*station, error) {
	s := &station{Database: newGroup(db), drop: drop}
	var err error
	s.Participant, err = participants.New(participants.Config{Name: labParticipant, DB: s.Database, Log: zerolog.Nop()})
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	register(s.Participant)
	return s, nil
}

// labParticipant is the name of all participants here.
const labParticipant = "lab"

// participantDB is a participant's database with tables of its own. The settings are the product's: its
// commits are synced.
func (w *World) participantDB(ctx context.Context, on Database, tables string) (db participants.Database, drop func() error, err error) {
	switch {
	case on == SQLite:
		path := filepath.Join(w.cfg.Dir, w.Name()+".db")
		db, err = participants.Open(ctx, path, nil)
		drop = func() error { return removeAll(path, path+"-wal", path+"-shm", path+".lock") }
	case w.without != nil:
		err = w.without
	default:
		schema := strings.ToLower(w.Name())
		db, err = participants.OpenPostgres(ctx, postgres.Config{DSN: w.cfg.DSN, Schema: schema})
		drop = w.dropper(ctx, schema)
	}
	if err != nil {
		return nil, nil, err
	}
	err = db.Write(ctx, func(tx outbox.Tx) error {
		_, err := tx.ExecContext(ctx, tables)
		return err
	})
	if err != nil {
		return nil, nil, errors.Join(err, db.Close(), drop())
	}
	return db, drop, nil
}

// dropper drops a schema, if it is there.
func (w *World) dropper(ctx context.Context, schema string) func() error {
	return func() error { return w.exec(context.WithoutCancel(ctx), "DROP SCHEMA IF EXISTS "+schema+" CASCADE") }
}

// close closes and drops the database.
func (s *station) close() error { return errors.Join(s.Database.Close(), s.drop()) }

// labOrigin is the orchestrator that all commands here are from.
const labOrigin = "laboratory"

// send does one command on a key, and is answered with what a saga would be answered.
func (s *station) send(ctx context.Context, key int, c saga.Command) (saga.Reply, error) {
	c.SagaType, c.Attempt, c.Participant, c.Key = "lab", 1, labParticipant, strconv.Itoa(key)
	if c.Kind == "" {
		c.Kind = saga.Compensatable
	}
	return s.Apply(withKey(ctx, key), c, labOrigin)
}

// ask does a command that must succeed.
func (s *station) ask(ctx context.Context, key int, c saga.Command) error {
	r, err := s.send(ctx, key, c)
	if err == nil && r.Outcome != saga.Succeeded {
		err = unexpected(r)
	}
	return err
}

func unexpected(r saga.Reply) error {
	return fmt.Errorf("%s was answered with %s %s: %s", r.Op(), r.Outcome, r.Code, r.Message)
}

// number reads one number from the station's tables.
func (s *station) number(ctx context.Context, query string, args ...any) (n int, err error) {
	err = s.Read().GetContext(ctx, &n, query, args...)
	return n, err
}
