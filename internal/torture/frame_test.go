package torture

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// cut tells frames apart; an error ends it. A piece is at most so many bytes.
func cut(text []byte, piece int) (frames []string, carrying int, err error) {
	var f frame
	begun := 0
	for at := 0; at < len(text); {
		n, err := f.take(text[at:min(at+piece, len(text))])
		if err != nil {
			return frames, carrying, err
		}
		if f.message() {
			carrying++
		}
		if at += n; f.ended() {
			frames, begun = append(frames, string(text[begun:at])), at
		}
	}
	if begun < len(text) {
		frames = append(frames, string(text[begun:])+"...")
	}
	return frames, carrying, nil
}

var wholeFrames = []struct {
	frame   string
	carries bool
}{
	{"INFO {\"server_id\":\"x\",\"headers\":true} \r\n", false},
	{"CONNECT {\"verbose\":false}\r\n", false},
	{"PING\r\n", false},
	{"PONG\r\n", false},
	{"+OK\r\n", false},
	{"-ERR 'Unknown Protocol Operation'\r\n", false},
	{"SUB a.> q 7\r\n", false},
	{"UNSUB 7 3\r\n", false},
	{"PUB a 0\r\n\r\n", true},
	{"PUB a 5\r\nhello\r\n", true},
	{"PUB a _INBOX.b 18\r\nPING\r\nPUB a 0\r\n\r\n!\r\n", true},
	{"HPUB a 12 17\r\nNATS/1.0\r\n\r\nhello\r\n", true},
	{"HPUB a _INBOX.b 12 12\r\nNATS/1.0\r\n\r\n\r\n", true},
	{"MSG a 7 2\r\n\r\n\r\n", true},
	{"MSG a 7 $JS.ACK.x 2\r\nhi\r\n", true},
	{"HMSG a 7 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", true},
	{"HMSG a 7 $JS.ACK.x 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", true},
	{"pub\ta   1 \n.\r\n", true}, // as people write it
}

// TestFrame holds that frames are told apart wherever the pieces are cut, and which of them are messages.
func TestFrame(t *testing.T) {
	var all []byte
	var want []string
	carrying := 0
	for _, w := range wholeFrames {
		all, want = append(all, w.frame...), append(want, w.frame)
		if w.carries {
			carrying++
		}
	}
	for piece := 1; piece <= len(all); piece++ {
		got, n, err := cut(all, piece)
		if err != nil || n != carrying || !slices.Equal(got, want) {
			t.Fatalf("in pieces of %d: %d messages, %q, %v, want %d, %q", piece, n, got, err, carrying, want)
		}
	}
	if got, _, err := cut([]byte("PING\r\nPUB a 5\r\nhel"), 4); err != nil || !slices.Equal(got, []string{"PING\r\n", "PUB a 5\r\nhel..."}) {
		t.Errorf("half a frame: %q, %v", got, err)
	}
}

// TestNoFrame holds that what is not the protocol is an error, and that what it says of its size is not believed.
func TestNoFrame(t *testing.T) {
	for _, text := range []string{
		"\r\n", "GET / HTTP/1.1\r\n", "PUBS a 0\r\n", "PUB 0\r\n", "PUB a b c 0\r\n", "PUB a\r\n", "PUB a -1\r\n", "PUB a 1e1\r\n",
		"PUB a +1\r\n.\r\n", "PUB a 67108865\r\n", "PUB a 99999999999999999999\r\n", "HPUB a 12\r\n", "MSG a 1\r\n", "HMSG a 7 14\r\n",
		"PUB a 3\r\nhello\r\n", "PUB a 5\r\nhello\n\r", "PUB a 5\r\nhelloX\n", "MSG a 7 9\r\nhi\r\nPING\r\nPING\r\n",
		"INFO " + strings.Repeat("x", maxLine) + "\r\n", strings.Repeat("x", maxLine+1),
	} {
		for _, piece := range []int{1, 7, maxLine + 10} {
			if frames, _, err := cut([]byte(text), piece); !errors.Is(err, errProtocol) {
				t.Errorf("%.40q in pieces of %d: %.40q, %v", text, piece, frames, err)
			}
		}
	}
}

// FuzzFrame: wherever anything at all is cut, it is understood alike, no more than a line is kept, and what
// goes on is what came.
func FuzzFrame(f *testing.F) {
	for _, w := range wholeFrames {
		f.Add([]byte(w.frame+"PING\r\n"), 3)
	}
	f.Fuzz(func(t *testing.T, text []byte, piece int) {
		piece = 1 + int(uint(piece)%40)
		whole, n, err := cut(text, max(1, len(text)))
		got, m, again := cut(text, piece)
		if !slices.Equal(got, whole) || n != m || (err == nil) != (again == nil) {
			t.Fatalf("in pieces of %d: %q, %v; whole: %q, %v", piece, got, again, whole, err)
		}
		var w way
		var out []byte
		for at := 0; at < len(text); at += piece {
			more, copies, lost := w.carry(text[at:min(at+piece, len(text))], nil)
			if out = append(out, more...); copies > 0 || len(w.frame.line) > maxLine {
				t.Fatalf("%d copies, a line of %d", copies, len(w.frame.line))
			}
			if lost != nil {
				break
			}
		}
		if !bytes.HasPrefix(text, out) || err == nil && len(out) != len(text) {
			t.Fatalf("%q goes on of %q", out, text)
		}
	})
}
