package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/gateway"
)

// listener reads an event stream.
type listener struct {
	*rig
	resp  *http.Response
	lines *bufio.Scanner
	close context.CancelFunc
}

// listen opens a stream. Words are header names and values.
func (r *rig) listen(path string, words ...string) *listener {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	req, err := http.NewRequestWithContext(ctx, "GET", r.url+path, nil)
	if err != nil {
		r.Fatal(err)
	}
	for i := 0; i < len(words); i += 2 {
		req.Header.Set(words[i], words[i+1])
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	l := &listener{rig: r, resp: resp, lines: bufio.NewScanner(resp.Body), close: func() { cancel(); resp.Body.Close() }}
	l.lines.Buffer(nil, 1<<20)
	r.Cleanup(l.close)
	if resp.StatusCode == http.StatusOK && resp.Header.Get("Content-Type") != "text/event-stream" {
		r.Errorf("%v", resp.Header)
	}
	return l
}

// next returns "number event" of the next event; "" at the end, ":" for a sign of life.
func (l *listener) next() string {
	id, name := "", ""
	for l.lines.Scan() {
		switch line := l.lines.Text(); {
		case line == ":":
			return line
		case line == "" && name != "":
			return id + " " + name
		case strings.HasPrefix(line, "id: "):
			id = line[4:]
		case strings.HasPrefix(line, "event: "):
			name = line[7:]
		}
	}
	return ""
}

// event is next, but for signs of life.
func (l *listener) event() string {
	for {
		if e := l.next(); e != ":" {
			return e
		}
	}
}

// TestFollowSaga from its first event to its last; come back after one of them, and after the last.
func TestFollowSaga(t *testing.T) {
	r, _ := newRig(t, gateway.Config{})
	r.do(http.StatusAccepted, "POST", "/v1/sagas/transfer", transfer(1), "Idempotency-Key", "T-1")
	l := r.listen("/v1/sagas/T-1/events")
	first, last := l.event(), l.event()
	if !strings.HasSuffix(first, " accepted") || !strings.HasSuffix(last, " completed") || l.event() != "" {
		t.Fatalf("%q %q", first, last)
	}
	number := strings.Fields(first)[0]
	if again := r.listen("/v1/sagas/T-1/events", "Last-Event-ID", number).event(); again != last {
		t.Errorf("after %s: %q, want %q", number, again, last)
	}
	if l := r.listen("/v1/sagas/T-1/events", "Last-Event-ID", strings.Fields(last)[0]); l.resp.StatusCode != http.StatusNoContent {
		t.Errorf("after the last: %d", l.resp.StatusCode)
	}
	r.do(http.StatusNotFound, "GET", "/v1/sagas/T-2/events", "").problem(t)
	r.do(http.StatusBadRequest, "GET", "/v1/sagas/T-1/events?after=x", "").problem(t)
	r.do(http.StatusUnprocessableEntity, "GET", "/v1/events", "", "Last-Event-ID", "1000000").problem(t)
}

// TestFollowAllIsResumable: a follower that is cut off and comes back with the number of what it has
// seen misses nothing, sees nothing twice, and all in order.
func TestFollowAllIsResumable(t *testing.T) {
	r, _ := newRig(t, gateway.Config{})
	const sagas = 40
	l := r.listen("/v1/events")
	seen, last := make(map[string]bool), "0"
	for i := range sagas {
		r.do(http.StatusAccepted, "POST", "/v1/sagas/transfer", transfer(1), "Idempotency-Key", fmt.Sprint("T-", i))
		if i%10 == 9 { // cut off in the midst of it
			l.close()
			l = r.listen("/v1/events", "Last-Event-ID", last)
		}
		last = l.take(seen)
	}
	for len(seen) < 2*sagas {
		last = l.take(seen)
	}
	if again := r.listen("/v1/events?after=0").event(); again != "1 accepted" {
		t.Errorf("from the first: %q", again)
	}
}

// take notes the next event and returns its number.
func (l *listener) take(seen map[string]bool) string {
	l.Helper()
	e := l.event()
	if e == "" || seen[e] {
		l.Fatalf("%q comes after %d others", e, len(seen))
	}
	seen[e] = true
	return strings.Fields(e)[0]
}

// TestStreamShowsSignsOfLife, and ends when the gateway does; so does a wait. Its client is told what there is.
func TestStreamShowsSignsOfLife(t *testing.T) {
	r, node := newRig(t, gateway.Config{Quiet: 10 * time.Millisecond})
	l := r.listen("/v1/events")
	for range 3 {
		if e := l.next(); e != ":" {
			t.Fatalf("%q", e)
		}
	}
	waits := "saga: waits\nversion: 1\nsteps:\n  - {id: signed, await: {signal: signed}}\n"
	r.do(http.StatusOK, "PUT", "/v1/definitions/waits", waits)
	waited := make(chan answer, 1)
	go func() {
		a, err := r.send("POST", "/v1/sagas/waits", "{}", "Idempotency-Key", "W-1", "Prefer", "wait=600")
		if err != nil {
			t.Error(err)
		}
		waited <- a
	}()
	if e := l.event(); !strings.HasSuffix(e, " accepted") {
		t.Fatalf("%q", e)
	}
	began := time.Now()
	r.end()
	if a := <-waited; a.status != http.StatusAccepted || a.saga(t).ID != "W-1" {
		t.Errorf("the wait ends with %d %s", a.status, a.body)
	}
	for l.next() == ":" { // what was under way
	}
	if d := time.Since(began); d > 2500*time.Millisecond || !node.Health().OK() {
		t.Errorf("drained in %s, %+v", d, node.Health())
	}
}

// TestEventsOfOneNumber: a saga that has nothing to do is accepted and completed at once, under one
// number. Only the second event bears it, so that who was cut off between them gets both.
func TestEventsOfOneNumber(t *testing.T) {
	r, _ := newRig(t, gateway.Config{})
	r.do(http.StatusOK, "PUT", "/v1/definitions/idle", "saga: idle\nversion: 1\nsteps:\n  - {id: pay, kind: pivot, participant: A, action: credit, when: \"${1 > 2}\"}\n")
	r.do(http.StatusOK, "POST", "/v1/sagas/idle", "", "Idempotency-Key", "I-1")
	l := r.listen("/v1/sagas/I-1/events")
	if first, second := l.event(), l.event(); first != " accepted" || second != "1 completed" {
		t.Errorf("%q, %q", first, second)
	}
}
