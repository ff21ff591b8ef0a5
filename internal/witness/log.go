package witness

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/girohq/giro/saga"
)

// What a client asks.
const (
	OpStart = "start"
	OpGet   = "get"
)

// What it is told.
const (
	Accepted = "accepted" // of a start: the saga is there, and was if it was started before
	State    = "state"    // of a get
	NotFound = "not_found"
	Conflict = "conflict" // of a start: the id is another saga's
	Refused  = "refused"
	NotNow   = "unavailable"
	Unknown  = "unknown" // no answer came
)

// Line is one request of a client and what it was told.
type Line struct {
	Client   string          `json:"client"`
	Asked    time.Time       `json:"asked"`
	Told     time.Time       `json:"told"`
	Op       string          `json:"op"` // [OpStart] or [OpGet]
	Saga     string          `json:"saga"`
	Type     string          `json:"type,omitempty"`  // of a start
	Input    json.RawMessage `json:"input,omitempty"` // of a start
	Answer   string          `json:"answer"`          // [Accepted] to [Unknown]
	State    saga.State      `json:"state,omitempty"`
	Revision int64           `json:"revision,omitempty"`
}

// Log is a file of lines. Many goroutines may write to it.
type Log struct {
	file *os.File

	mu              sync.Mutex
	turn            *sync.Cond
	waiting         []byte
	written, synced uint64
	syncing         bool
	err             error
}

// maxLine bounds a line, the input of its start included. Memory for one is all that reading takes.
const maxLine = 2 << 20

var (
	// ErrTooLong: a line is longer than 2 MiB.
	ErrTooLong = errors.New("witness: line too long")
	// ErrLine: a line is not what a [Log] writes.
	ErrLine = errors.New("not a line of a log of what clients were told")
)

// Create begins a log. What another run has seen is not overwritten: a file of that name must not be there.
func Create(path string) (*Log, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	l := &Log{file: f}
	l.turn = sync.NewCond(&l.mu)
	return l, nil
}

// Write returns when the line is on the disk. One fsync serves all that wait. After an error of the disk the
// log takes nothing more: what it has of the last lines is not known. Of a line above 2 MiB nothing is
// written: ErrTooLong.
func (l *Log) Write(line Line) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	if len(text) >= maxLine {
		return ErrTooLong
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(append(l.waiting, text...), '\n')
	l.written++
	for mine := l.written; l.synced < mine && l.err == nil; {
		if l.syncing {
			l.turn.Wait()
			continue
		}
		l.flush()
	}
	return l.err
}

// flush writes what waits; the lock is free meanwhile.
func (l *Log) flush() {
	batch, upto := l.waiting, l.written
	l.waiting, l.syncing = nil, true
	l.mu.Unlock()
	_, err := l.file.Write(batch)
	err = errors.Join(err, l.file.Sync())
	l.mu.Lock()
	l.syncing, l.synced, l.err = false, upto, err
	l.turn.Broadcast()
}

// Close closes the file. Nobody may write any more.
func (l *Log) Close() error { return l.file.Close() }

// Read shows each line of a log in turn. A last line that was torn by a crash is ignored. An error names
// the line; it is [ErrLine], [ErrTooLong], that of each, or that of reading.
func Read(path string, each func(Line) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	r := bufio.NewReaderSize(f, maxLine)
	for n := 1; ; n++ {
		text, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("%s:%d: %w", path, n, ErrTooLong)
		case err != nil:
			return err
		}
		var line Line
		if err := json.Unmarshal(bytes.TrimSpace(text), &line); err != nil {
			return fmt.Errorf("%s:%d: %w: %w", path, n, ErrLine, err)
		}
		if line.Saga == "" {
			return fmt.Errorf("%s:%d: %w: it is about no saga", path, n, ErrLine)
		}
		if err := each(line); err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
	}
}
