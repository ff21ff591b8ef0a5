package main

import (
	"errors"
	"net/url"
	"os"
	"regexp"
	"strings"

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
