package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// wantProblem checks that err is a Problem with a code, and that its text helps.
func wantProblem(t *testing.T, err error, code, part string) {
	t.Helper()
	var p *client.Problem
	if !errors.As(err, &p) || p.Code != code || !strings.Contains(p.Detail, part) {
		t.Errorf("error is %v (%+v), want a problem with code %s that says %q", err, p, code, part)
	}
}

func TestStart(t *testing.T) {
	c := newClient(t)
	ctx := within(t)

	doc, err := c.Start(ctx, "transfer", "T-1", pays(100), client.WithWait(patience))
	if err != nil || doc.State != saga.Completed || doc.ID != "T-1" {
		t.Fatalf("start: %+v, %v", doc, err)
	}
	t.Run("the same again is the same saga", func(t *testing.T) {
		raw := json.RawMessage(`{"currency":"EUR","amount":100,"to":{"account":"1","bank":"B"},"from":{"bank":"A","account":"1"}}`)
		again, err := c.Start(ctx, "transfer", "T-1", raw)
		if err != nil || again.State != saga.Completed || again.Created != doc.Created {
			t.Errorf("repeated start: %+v, %v", again, err)
		}
	})
	t.Run("another input is a conflict", func(t *testing.T) {
		_, err := c.Start(ctx, "transfer", "T-1", pays(101))
		wantProblem(t, err, client.CodeConflict, "T-1")
	})
	t.Run("a refused transfer is compensated", func(t *testing.T) {
		doc, err := c.Start(ctx, "transfer", "T-2", paysNobody(), client.WithWait(patience))
		if err != nil || doc.State != saga.Compensated || doc.Cause == nil || doc.Cause.Code != "no_such_account" {
			t.Errorf("refused: %+v, %v", doc, err)
		}
	})
	t.Run("an empty id is made", func(t *testing.T) {
		doc, err := c.Start(ctx, "transfer", "", pays(1))
		if err != nil || len(doc.ID) != 36 || doc.ID[14] != '7' {
			t.Errorf("id is %q, want a UUIDv7 (%v)", doc.ID, err)
		}
	})
	t.Run("a version that is not stored", func(t *testing.T) {
		_, err := c.Start(ctx, "transfer", "T-3", pays(1), client.WithVersion(99))
		wantProblem(t, err, client.CodeNotFound, "99")
	})
}

// TestStartRefusals holds what is refused, and that nobody is asked where no answer could help:
// those are the cases that a client without any server refuses too.
func TestStartRefusals(t *testing.T) {
	c, alone := newClient(t), clientOf(t, startBroker(t))
	deep := strings.Repeat(`{"a":`, saga.MaxDepth) + "{}" + strings.Repeat("}", saga.MaxDepth)
	for _, tt := range []struct {
		name     string
		sagaType string
		id       string
		input    any
		code     string
		part     string
		asks     bool // only the orchestrator can tell
	}{
		{"unknown type", "nothing", "T", pays(1), client.CodeNotFound, "nothing", true},
		{"type with a wildcard", "tr>", "T", pays(1), client.CodeInvalid, "'>'", false},
		{"id with a dot", "transfer", "a.b", pays(1), client.CodeInvalid, "'.'", false},
		{"id with a star", "transfer", "a*", pays(1), client.CodeInvalid, "'*'", false},
		{"long id", "transfer", strings.Repeat("x", 65), pays(1), client.CodeInvalid, "65 bytes", false},
		{"not an object", "transfer", "T", []byte(`[1]`), client.CodeInvalid, "object", false},
		{"not JSON", "transfer", "T", []byte("{\n  oops}"), client.CodeInvalid, "line 2", false},
		{"cannot be marshalled", "transfer", "T", func() {}, client.CodeInvalid, "input", false},
		{"a key twice", "transfer", "T", []byte(`{"a":1,"a":2}`), client.CodeInvalid, "twice", false},
		{"too deep", "transfer", "T", []byte(deep), client.CodeInvalid, "deeper", false},
		{"too large", "transfer", "T", []byte(`{"a":"` + strings.Repeat("x", saga.MaxBody) + `"}`), client.CodeInvalid, "bytes", false},
		{"nothing", "transfer", "T", nil, client.CodeInvalid, "missing", true},
		{"float amount", "transfer", "T", []byte(`{"from":{"bank":"A","account":"1"},"to":{"bank":"B","account":"1"},"amount":1.0,"currency":"EUR"}`), client.CodeInvalid, "amount", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.Start(within(t), tt.sagaType, tt.id, tt.input)
			wantProblem(t, err, tt.code, tt.part)
			_, err = alone.Start(briefly(t), tt.sagaType, tt.id, tt.input)
			if tt.asks != errors.Is(err, client.ErrUnreachable) {
				t.Errorf("without a server: %v", err)
			}
		})
	}
	list, err := c.List(within(t), client.ListRequest{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("refused starts left %d sagas (%v)", len(list.Items), err)
	}
}

// TestStartUntilAccepted holds that a start survives the absence of the whole server.
func TestStartUntilAccepted(t *testing.T) {
	dir := t.TempDir()
	first, stop := startNodeOn(t, dir, "127.0.0.1:0")
	url := first.URL()
	conn, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond), nats.ReconnectBufSize(-1))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stop()
	c, answer := clientOf(t, conn), make(chan error, 1)
	go func() {
		doc, err := c.Start(within(t), "transfer", "T-1", pays(1), client.WithWait(patience))
		if err == nil && doc.State != saga.Completed {
			err = fmt.Errorf("%+v", doc)
		}
		answer <- err
	}()
	startNodeOn(t, dir, strings.TrimPrefix(url, "nats://"))
	if err := <-answer; err != nil {
		t.Error(err)
	}
}

// TestStartRepeats holds which answers a start is repeated after, and that each try is the same.
func TestStartRepeats(t *testing.T) {
	conn := startBroker(t)
	answers := []string{unavailable, unavailable, `{"id":"T-1","state":"running"}`}
	var asked []*nats.Msg
	standIn(t, conn, "saga.api.v1.start.transfer", func(m *nats.Msg) string {
		asked = append(asked, m)
		return answers[len(asked)-1]
	})
	doc, err := clientOf(t, conn).Start(within(t), "transfer", "T-1", pays(1))
	if err != nil || doc.State != saga.Running || len(asked) != 3 {
		t.Fatalf("after %d tries: %+v, %v", len(asked), doc, err)
	}
	for _, m := range asked {
		if m.Header.Get("Saga-Id") != "T-1" || string(m.Data) != string(asked[0].Data) {
			t.Errorf("a try is %v %s", m.Header, m.Data)
		}
	}
}

// TestStartWaitsOn holds that a wait longer than one request goes on until the saga is terminal.
func TestStartWaitsOn(t *testing.T) {
	conn := startBroker(t)
	var asked []string
	standIn(t, conn, "saga.api.v1.start.transfer", func(m *nats.Msg) string {
		asked = append(asked, m.Header.Get("Prefer"))
		if len(asked) < 3 {
			return `{"id":"T-1","state":"running"}`
		}
		return `{"id":"T-1","state":"completed"}`
	})
	doc, err := clientOf(t, conn).Start(within(t), "transfer", "T-1", pays(1), client.WithWait(25*time.Second))
	if err != nil || doc.State != saga.Completed {
		t.Fatalf("%+v, %v", doc, err)
	}
	if got := strings.Join(asked, " "); got != "wait=10 wait=10 wait=10" {
		t.Errorf("asked for %s", got)
	}
}

// TestStartsConcurrently holds that many callers share one connection, and that one id that all
// of them start is one saga.
func TestStartsConcurrently(t *testing.T) {
	c := newClient(t)
	ctx := within(t)
	const callers = 64
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for _, id := range []string{fmt.Sprint("own-", i), "shared"} {
				doc, err := c.Start(ctx, "transfer", id, pays(1), client.WithWait(patience))
				if err != nil || doc.State != saga.Completed || doc.ID != id {
					t.Errorf("%s: %+v, %v", id, doc, err)
				}
			}
		})
	}
	wg.Wait()
	list, err := c.List(ctx, client.ListRequest{Limit: 1000})
	if err != nil || len(list.Items) != callers+1 {
		t.Errorf("%d sagas, want %d (%v)", len(list.Items), callers+1, err)
	}
}

// TestStartWaits holds that a wait ends with the saga as it is, and that it is not lost when it
// takes several requests.
func TestStartWaits(t *testing.T) {
	c := newClient(t, parse(t, lonely))
	began := time.Now()
	doc, err := c.Start(within(t), "lonely", "L-1", nil, client.WithWait(time.Second))
	if err != nil || doc.State != saga.Running || doc.Waiting == "" {
		t.Errorf("%+v, %v", doc, err)
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("did not wait: %v", took)
	}
}

func TestStartEnds(t *testing.T) {
	c := newClient(t, parse(t, lonely))
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := c.Start(ctx, "lonely", "L-1", nil, client.WithWait(time.Minute))
	if !errors.Is(err, client.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v, want ErrTimeout", err)
	}
}
