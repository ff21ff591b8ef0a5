package witness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func lines(t *testing.T, path string) (all []Line) {
	t.Helper()
	if err := Read(path, func(l Line) error { all = append(all, l); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestEveryLineIsThere: whoever writes, and however many at once, finds his line in the file when Write has
// returned, whole, and after his own earlier ones.
func TestEveryLineIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for client := range 8 {
		all.Go(func() {
			for n := range 25 {
				id := fmt.Sprintf("%d-%d", client, n)
				if err := l.Write(Line{Client: fmt.Sprint(client), Saga: id, Input: json.RawMessage(`{"n":1}`)}); err != nil {
					t.Error(err)
				}
				text, err := os.ReadFile(path)
				if err != nil || !bytes.Contains(text, []byte(`"saga":"`+id+`"`)) {
					t.Errorf("%s was written, and is not there (%v)", id, err)
				}
			}
		})
	}
	all.Wait()
	next := map[string]int{}
	for _, line := range lines(t, path) {
		if want := fmt.Sprintf("%s-%d", line.Client, next[line.Client]); line.Saga != want {
			t.Errorf("%s, want %s", line.Saga, want)
		}
		next[line.Client]++
	}
	if len(next) != 8 || next["7"] != 25 {
		t.Errorf("%v", next)
	}
	if _, err := Create(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("what another run has seen was overwritten: %v", err)
	}
}

// TestTornTail: a last line that a crash has cut is none; one in the middle is told by its number.
func TestTornTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("{\"saga\":\"a\"}\n{\"saga\":\"b\"}\n{\"sag"), 0o600); err != nil {
		t.Fatal(err)
	}
	if all := lines(t, path); len(all) != 2 || all[1].Saga != "b" {
		t.Errorf("%+v", all)
	}
	if err := os.WriteFile(path, []byte("{\"saga\":\"a\"}\n{\"sag\n{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Read(path, func(Line) error { return nil })
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte(":2: ")) {
		t.Errorf("%v", err)
	}
}

// TestTooLong: a line has a bound, when it is written and when it is read.
func TestTooLong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Write(Line{Input: json.RawMessage(`"` + string(bytes.Repeat([]byte("x"), maxLine)) + `"`)}); !errors.Is(err, ErrTooLong) {
		t.Errorf("%v", err)
	}
	if err := l.Write(Line{Saga: "a"}); err != nil || len(lines(t, path)) != 1 {
		t.Errorf("the next one: %v", err)
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), maxLine+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Read(path, func(Line) error { return nil }); !errors.Is(err, ErrTooLong) {
		t.Errorf("%v", err)
	}
}

// TestBrokenDisk: after a write that failed nobody is told that his line is there.
func TestBrokenDisk(t *testing.T) {
	l, err := Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.file.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Write(Line{Saga: "a"}); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%v", err)
		}
	}
}
