package outbox

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// defaultReaders is enough for a few concurrent queries beside the loop on a small machine.
const defaultReaders = 4

// Config says which file a [DB] owns.
type Config struct {
	// Path is the database file. It is made if missing; its directory must exist.
	Path string
	// Migrations are the owner's own files, named "0001_name.sql", numbered from 1 without
	// gaps, in the root of the file system. Each is run once, in its own transaction, after the
	// package's own. Nil: none.
	Migrations fs.FS
	// Shrinks lets a file that is made now give space back: see [DB.Shrink]. It writes 4 % more. A file that is there
	// already stays as it was made.
	Shrinks bool
	// Readers bounds the read-only connections. 0: 4.
	Readers int
}

func (c Config) check() (Config, error) {
	if c.Path == "" {
		return c, errors.New("outbox: config: no path")
	}
	if c.Readers < 0 {
		return c, fmt.Errorf("outbox: config: %d readers", c.Readers)
	}
	if c.Readers == 0 {
		c.Readers = defaultReaders
	}
	path, err := resolve(c.Path)
	if err != nil {
		return c, fmt.Errorf("outbox: config: %w", err)
	}
	c.Path = path
	return c, nil
}

// resolve follows links, so that two names of one file meet at one lock.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real, nil
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(path)), nil
}
