package outbox

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func init() { children["limit"] = childLimit }

// childLimit lets no file grow, so that the write of the log fails in COMMIT with an I/O error.
func childLimit(path string) {
	signal.Ignore(syscall.SIGXFSZ)
	db, err := Open(bg, Config{Path: path})
	if err != nil {
		fmt.Println(err)
		return
	}
	w := newRecorder()
	w.apply = func(tx Tx, item int) error {
		_, err := tx.ExecContext(bg, `INSERT INTO items (id, note) VALUES (?, zeroblob(100000))`, -item)
		return err
	}
	info, _ := os.Stat(path + "-wal")
	limit := syscall.Rlimit{Cur: uint64(info.Size()) + 20_000, Max: uint64(info.Size()) + 20_000}
	fmt.Println(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	l := NewLoop(db, w, 8)
	for i := range 4 {
		_ = l.Submit(bg, i+1)
	}
	err = l.Run(bg)
	fmt.Println(errors.Is(err, ErrUnusable), err)
	fmt.Println(len(w.batches), len(w.failed))
	fmt.Println(errors.Is(db.Write(bg, func(Tx) error { return nil }), ErrUnusable))
	fmt.Println(errors.Is(l.Submit(bg, 9), ErrStopped))
}

func TestAnIOErrorAtCommitEndsTheLoop(t *testing.T) {
	path := newPath(t)
	db, err := Open(bg, Config{Path: path})
	must(t, err)
	write(t, db, `CREATE TABLE items (id INTEGER PRIMARY KEY, note TEXT)`)
	must(t, db.Close())
	_, out := runChild(t, "limit", path)
	want := []string{"<nil>", "true ", "0 0", "true", "true"}
	for _, w := range want {
		line, err := out.ReadString('\n')
		must(t, err)
		if !strings.HasPrefix(line, w) {
			t.Fatalf("%q, want %q", line, w)
		}
	}
}

// On a real full disk COMMIT itself fails for want of space.
func TestAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=600k"); err != nil {
		t.Skip("needs the right to mount a small file system: ", err)
	}
	defer func() { must(t, syscall.Unmount(dir, 0)) }()
	db, err := Open(bg, Config{Path: filepath.Join(dir, "test.db")})
	must(t, err)
	defer db.Close()
	write(t, db, `CREATE TABLE items (id INTEGER PRIMARY KEY, note TEXT)`)
	w := newRecorder()
	w.apply = func(tx Tx, item int) error {
		_, err := tx.ExecContext(bg, `INSERT INTO items (id, note) VALUES (?, zeroblob(?))`, -item, 1_000_000*(item%2))
		return err
	}
	l := NewLoop(db, w, 8)
	submit(t, l, 1, 6)
	runQueued(t, l)
	if len(w.failed) != 3 || count(t, db, "items WHERE id > 0") != 3 {
		t.Fatalf("batches %v, failed %v", w.batches, w.failed)
	}
	for _, err := range w.failed {
		if !strings.Contains(err.Error(), "full") {
			t.Error(err)
		}
	}
}
