//go:build !unix

package pgserver

import "errors"

// ErrNone: this system can start no Postgres.
var ErrNone = errors.New("only GIRO_POSTGRES, a DSN, can name a Postgres on this system")

// Server is a private Postgres; not on this system.
type Server struct{}

// New starts nothing here.
func New() (*Server, error) { return nil, ErrNone }

// DSN does nothing here.
func (s *Server) DSN() string { return "" }

// Start does nothing here.
func (s *Server) Start() error { return ErrNone }

// Kill does nothing here.
func (s *Server) Kill() error { return ErrNone }

// Stop does nothing here.
func (s *Server) Stop() error { return ErrNone }
