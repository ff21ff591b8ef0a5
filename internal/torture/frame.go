package torture

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// frame is how far the protocol of NATS has come in one direction of a connection: a control line and, behind that
// of a message, a payload. It takes pieces cut anywhere, begins again behind each frame, and keeps a line at most.
type frame struct {
	line []byte // its control line, as far as it has come
	said bool   // all of the line is there
	size int    // of what comes behind the line: payload and line end; 0: this is no message
	left int    // bytes of that are still to come
}

const (
	maxLine    = 64 << 10 // of an INFO that names many servers; a broker takes lines of 4 KB
	maxPayload = 64 << 20 // the most that a broker can be told to take
)

// errProtocol: this is not what a client and a broker say to each other.
var errProtocol = errors.New("not the protocol of NATS")

// messages are the verbs that carry something, and how many arguments they have at least and at most. The last
// one is the size of the payload.
var messages = map[string][2]int{"PUB": {2, 3}, "HPUB": {3, 4}, "MSG": {3, 4}, "HMSG": {4, 5}}

// talk are the verbs that carry nothing.
var talk = []string{"INFO", "CONNECT", "SUB", "UNSUB", "PING", "PONG", "+OK", "-ERR"}

// take takes the front of a piece: what is still to come of a line, or of what is behind it, and never more
// than that. It returns its length.
func (f *frame) take(piece []byte) (int, error) {
	if f.ended() {
		*f = frame{line: f.line[:0]}
	}
	if f.said {
		return f.fill(piece)
	}
	n, whole := len(piece), false
	if i := bytes.IndexByte(piece, '\n'); i >= 0 {
		n, whole = i+1, true
	}
	if len(f.line)+n > maxLine {
		return 0, fmt.Errorf("a line of more than %d bytes: %w", maxLine, errProtocol)
	}
	f.line = append(f.line, piece[:n]...)
	if !whole {
		return n, nil
	}
	return n, f.read()
}

// read understands a control line.
func (f *frame) read() error {
	var first, last []byte
	arguments := -1
	for field := range bytes.FieldsFuncSeq(f.line, blank) {
		if arguments++; arguments == 0 {
			first = field
		}
		last = field
	}
	verb := strings.ToUpper(string(first))
	takes, carries := messages[verb]
	if !carries {
		if !slices.Contains(talk, verb) {
			return fmt.Errorf("the verb %.20q: %w", verb, errProtocol)
		}
		f.said = true
		return nil
	}
	size, err := strconv.ParseUint(string(last), 10, 31)
	if arguments < takes[0] || arguments > takes[1] || err != nil || size > maxPayload {
		return fmt.Errorf("the line %.80q: %w", f.line, errProtocol)
	}
	f.said, f.size = true, int(size)+len(lineEnd)
	f.left = f.size
	return nil
}

const lineEnd = "\r\n"

func blank(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }

// fill takes of the payload. A line end that is not where the size says means that the size is not understood.
func (f *frame) fill(piece []byte) (int, error) {
	n := min(f.left, len(piece))
	for i := range len(lineEnd) {
		if at := f.left - len(lineEnd) + i; at >= 0 && at < n && piece[at] != lineEnd[i] {
			return 0, fmt.Errorf("%q does not end where it says: %w", f.line, errProtocol)
		}
	}
	f.left -= n
	return n, nil
}

// message says that the line of a message has just come, and nothing of its payload yet.
func (f *frame) message() bool { return f.left > 0 && f.left == f.size }

// ended says that all of it has come.
func (f *frame) ended() bool { return f.said && f.left == 0 }
