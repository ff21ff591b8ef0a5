package outbox

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// runChild starts this test binary as another process.
func runChild(t *testing.T, name, path string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "OUTBOX_CHILD="+name, "OUTBOX_PATH="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, bufio.NewReader(out)
}

// childHold owns the database until its parent lets go of it.
func childHold(path string) {
	db, err := Open(bg, Config{Path: path})
	fmt.Println(err)
	if err == nil {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = db.Close()
	}
}

func TestSecondProcessIsRefusedByName(t *testing.T) {
	path := newPath(t)
	cmd, out := runChild(t, "hold", path)
	if line, err := out.ReadString('\n'); err != nil || line != "<nil>\n" {
		t.Fatalf("the first owner: %q, %v", line, err)
	}
	_, err := Open(bg, Config{Path: path})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "process "+strconv.Itoa(cmd.Process.Pid)) {
		t.Fatalf("second owner: %v, want ErrLocked naming %d", err, cmd.Process.Pid)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	openAt(t, path) // the lock died with its owner
}

func TestOneFileHasOneLockWhateverItsName(t *testing.T) {
	path := newPath(t)
	openAt(t, path)
	link := filepath.Join(t.TempDir(), "link.db")
	must(t, os.Symlink(path, link))
	if _, err := Open(bg, Config{Path: link}); !errors.Is(err, ErrLocked) {
		t.Fatalf("through a link: %v, want ErrLocked", err)
	}
}

func TestLockDir(t *testing.T) {
	dir := t.TempDir()
	first, err := LockDir(dir)
	must(t, err)
	if _, err := LockDir(dir); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Fatalf("second: %v", err)
	}
	must(t, first.Release())
	must(t, first.Release())
	again, err := LockDir(dir)
	must(t, err)
	must(t, again.Release())
}

func TestLockDirMissing(t *testing.T) {
	if _, err := LockDir(filepath.Join(t.TempDir(), "no")); err == nil || errors.Is(err, ErrLocked) {
		t.Fatalf("missing directory: %v", err)
	}
}
