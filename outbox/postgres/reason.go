package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Why a database was not opened.
var (
	// ErrConfig: the [Config] cannot be. Nobody was asked; correct it.
	ErrConfig = errors.New("outbox/postgres: config")
	// ErrUnreachable: no server answers at the host and port of the DSN, or it ended while it was asked.
	ErrUnreachable = errors.New("the server does not answer")
	// ErrDenied: the server does not know the user, or not by this password.
	ErrDenied = errors.New("the server does not let this user in")
	// ErrNoDatabase: the server has no database of that name. Nobody but its administrator makes one.
	ErrNoDatabase = errors.New("there is no such database")
	// ErrPermission: the user may not do in the schema what its owner has to. The message says what is missing.
	ErrPermission = errors.New("the user lacks a permission")
)

// The codes that have a reason of their own.
const (
	invalidPassword       = "28P01"
	invalidAuthorization  = "28000"
	invalidCatalog        = "3D000"
	invalidSchema         = "3F000" // the search_path names none that the user may use
	insufficientPrivilege = "42501"
)

// The codes of a server that comes or goes, in class 57 of the manual's table of SQLSTATEs.
const (
	adminShutdown = "57P01"
	crashShutdown = "57P02"
	startingUp    = "57P03"
)

var reasons = map[string]error{
	invalidPassword: ErrDenied, invalidAuthorization: ErrDenied, invalidCatalog: ErrNoDatabase,
	invalidSchema: ErrPermission, insufficientPrivilege: ErrPermission,
}

// reason says in one line why a database was not opened. Of the tries that a connection is made of, with
// and without TLS and for each address, only what the server said counts, or else the last.
func reason(err error) error {
	var connecting *pgconn.ConnectError
	connected := !errors.As(err, &connecting)
	if !connected {
		err = last(connecting.Unwrap())
	}
	if known := reasons[codeOf(err)]; known != nil {
		return fmt.Errorf("%w: %w", known, err)
	}
	if unreachable(err) || codeOf(err) == "" && !connected {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}

// unreachable says that an error came because the server was not there, or went while it was asked: the
// same may work later. What was asked may have been done.
func unreachable(err error) bool {
	switch codeOf(err) {
	case "":
	case adminShutdown, crashShutdown, startingUp:
		return true
	default:
		return false
	}
	var connecting *pgconn.ConnectError
	var network net.Error
	return errors.Is(err, ErrUnreachable) || errors.As(err, &connecting) || errors.As(err, &network) && !errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// last is the server's word among errors that were joined, or the last of them.
func last(err error) error {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return said
	}
	for {
		joined, ok := err.(interface{ Unwrap() []error })
		if !ok || len(joined.Unwrap()) == 0 {
			return err
		}
		all := joined.Unwrap()
		err = all[len(all)-1]
	}
}

// parse reads a DSN. Its error does not repeat the DSN, in which there may be a password.
func parse(dsn string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err == nil {
		return cfg, nil
	}
	why := err.Error()
	if at := strings.LastIndex(why, "`: "); at >= 0 {
		why = why[at+len("`: "):]
	}
	return nil, fmt.Errorf("%w: the DSN cannot be read: %s", ErrConfig, why)
}
