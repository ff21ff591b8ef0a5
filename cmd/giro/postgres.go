package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/girohq/giro/internal/standby"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/outbox/postgres"
)

// postgresEnv is the environment's variable of a bank's database.
const postgresEnv = "GIRO_POSTGRES_DSN"

// postgresConfig says where a bank is kept: in the schema of its URL, or else in its own.
func postgresConfig(dsn, schema string) (*postgres.Config, error) {
	if dsn != os.Getenv(postgresEnv) {
		if err := refusePassword("--postgres", dsn); err != nil {
			return nil, err
		}
	}
	if u, err := url.Parse(dsn); err == nil && u.Query().Has("search_path") {
		schema = strings.Trim(u.Query().Get("search_path"), `"`)
	}
	return &postgres.Config{DSN: dsn, Schema: schema}, nil
}

// refusePassword keeps passwords out of arguments, which everybody on the machine can see.
func refusePassword(flag, dsn string) error {
	has := settingOf("password").MatchString(dsn)
	if u, err := url.Parse(dsn); err == nil && u.User != nil {
		_, set := u.User.Password()
		has = has || set
	}
	if has {
		return usageError("%s: a password in an argument can be seen by everybody on this machine: use PGPASSWORD or PGPASSFILE", flag)
	}
	return nil
}

// settingOf finds a setting in a DSN of either form, "name=" or "?name=".
func settingOf(names string) *regexp.Regexp {
	return regexp.MustCompile(`(^|[\s?&])(` + names + `)\s*=`)
}

// knocks is the time between two tries to reach a server.
const knocks = 250 * time.Millisecond

// whenReachable opens what is kept in Postgres, and waits for the server where it does not answer: it may
// be starting, or recovering from a crash.
func (a *app) whenReachable(ctx context.Context, most time.Duration, open standby.Open) (run func(context.Context) error, err error) {
	within, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	tick := time.NewTicker(knocks)
	defer tick.Stop()
	for said := false; ; said = true {
		run, err = open(ctx)
		if !errors.Is(err, postgres.ErrUnreachable) {
			return run, err
		}
		if !said {
			a.log.Warn().Err(err).Stringer("for", most).Msg("waiting for Postgres")
		}
		select {
		case <-tick.C:
		case <-within.Done():
			return nil, cmp.Or(ctx.Err(), err)
		}
	}
}

// whileGone says of a server that went away while it was worked with that it does not answer. Whatever came of the
// transaction, the next try opens everything anew and finds it.
func whileGone(err error) error {
	for _, gone := range []error{outbox.ErrTxLost, outbox.ErrNotBegun, outbox.ErrUnusable} {
		if errors.Is(err, gone) {
			return fmt.Errorf("%w: %w", postgres.ErrUnreachable, err)
		}
	}
	return err
}

// explainPostgres gives a database that was not opened its exit code, and says what may be tried.
func explainPostgres(err error) error {
	for _, known := range []struct {
		err  error
		code int
		try  string
	}{
		{postgres.ErrConfig, exitUsage, "a URL as postgres://USER@HOST:PORT/DATABASE"},
		{postgres.ErrUnreachable, exitUnreachable, "is the server up, and are host and port right?"},
		{postgres.ErrDenied, exitUnauthorized, "the password in PGPASSWORD, or in a file named by PGPASSFILE"},
		{postgres.ErrNoDatabase, exitError, "createdb, or another name in the URL"},
	} {
		if errors.Is(err, known.err) {
			return &failure{code: known.code, err: err, try: known.try}
		}
	}
	return err
}
