//go:build unix

package pgserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// readyFor bounds the wait for a server to take connections. A recovery on a busy machine takes seconds.
const readyFor = 2 * time.Minute

// ErrNone: the machine has no Postgres.
var ErrNone = errors.New("there is no Postgres on this machine: `make deps-postgres` installs it, or GIRO_POSTGRES names one by its DSN")

// Server is a private Postgres, on a socket in a directory that only it uses.
type Server struct {
	bin  string
	dir  string
	cred *syscall.Credential // who runs it; nil: who runs this process

	guard *exec.Cmd
	stdin io.WriteCloser
}

// guardScript ends the server when its input ends, so that it never outlives who started it, however that ends.
// After the word "keep" its data stays.
const guardScript = `"$@" & server=$!; read -r word; kill -QUIT $server; wait $server; [ "$word" = keep ] || rm -rf "$PGSERVER_DIR"`

// New makes the data directory of a server. [Server.Start] runs it.
func New() (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "giro-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir}
	if os.Geteuid() == 0 { // Postgres refuses to run as root
		if s.cred, err = stranger(); err != nil {
			return nil, err
		}
		if err := os.Chown(dir, int(s.cred.Uid), int(s.cred.Gid)); err != nil {
			return nil, err
		}
	}
	out, err := s.command("initdb", "-D", s.data(), "-U", "giro", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	return s, nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// DSN names the server's own database.
func (s *Server) DSN() string {
	return "postgres:///postgres?host=" + s.dir + "&user=giro&sslmode=disable"
}

// Start runs the server and waits until it answers.
func (s *Server) Start() error {
	s.guard = s.command("sh", "-c", guardScript, "sh", filepath.Join(s.bin, "postgres"), "-D", s.data(), "-k", s.dir,
		"-c", "listen_addresses=", "-c", "max_connections=200", "-c", "logging_collector=off")
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	s.guard.Stdout, s.guard.Stderr = log, log
	if s.stdin, err = s.guard.StdinPipe(); err != nil {
		return err
	}
	if err := s.guard.Start(); err != nil {
		return err
	}
	if err := s.ready(); err != nil {
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("postgres: %w: %s", err, text)
	}
	return nil
}

func (s *Server) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), readyFor)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.DSN())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// Kill ends the server at once, as a crash does; its data stays. [Server.Start] recovers it.
func (s *Server) Kill() error {
	if _, err := io.WriteString(s.stdin, "keep\n"); err != nil {
		return err
	}
	return s.guard.Wait()
}

// Stop ends the server and removes its data.
func (s *Server) Stop() error { return errors.Join(s.stdin.Close(), s.guard.Wait()) }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	if name != "sh" {
		name = filepath.Join(s.bin, name)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "PGSERVER_DIR="+s.dir)
	// Its own group: an interrupt of this process must not end the server before its guard does.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.cred}
	return cmd
}

// binaries finds the directory of the newest Postgres.
func binaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", ErrNone
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(version(a), version(b)) })
	return filepath.Dir(newest), nil
}

// version is that of Debian's directory of an initdb; 0 if it has none.
func version(initdb string) float64 {
	v, _ := strconv.ParseFloat(filepath.Base(filepath.Dir(filepath.Dir(initdb))), 64)
	return v
}

// stranger is a user who is not root.
func stranger() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if errors.Join(err, gidErr) == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("there is no user postgres or nobody to run Postgres as")
}
