package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/girohq/giro/gateway"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// TestIdempotencyKey: no key, the same again, another body.
func TestIdempotencyKey(t *testing.T) {
	r, _ := newRig(t, gateway.Config{})
	const path = "/v1/sagas/transfer"
	if p := r.do(http.StatusBadRequest, "POST", path, transfer(1)).problem(t); p.Code != wire.CodeInvalid || !strings.Contains(p.Detail, "Idempotency-Key") {
		t.Errorf("without a key: %+v", p)
	}
	first := r.do(http.StatusAccepted, "POST", path, transfer(1), "Idempotency-Key", `"K-1"`)
	if first.header.Get("Idempotency-Replayed") != "" || first.header.Get("Location") != "/v1/sagas/K-1" || first.saga(t).ID != "K-1" {
		t.Errorf("first: %v %s", first.header, first.body)
	}
	ended := r.do(http.StatusOK, "POST", path, transfer(1), "Idempotency-Key", "K-1", "Prefer", "respond-async", "Prefer", "handling=lenient, wait=20")
	if ended.header.Get("Idempotency-Replayed") != "true" || ended.header.Get("Preference-Applied") != "wait=20" || ended.saga(t).State != saga.Completed {
		t.Errorf("repeated: %v %s", ended.header, ended.body)
	}
	// The same value, written otherwise; and without a wait it has ended all the same.
	spaced := strings.ReplaceAll(transfer(1), ":", " : ")
	if a := r.do(http.StatusOK, "POST", path, spaced, "Saga-Id", "K-1"); a.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("spaced: %v", a.header)
	}
	if p := r.do(http.StatusUnprocessableEntity, "POST", path, transfer(2), "Idempotency-Key", "K-1").problem(t); p.Code != wire.CodeConflict {
		t.Errorf("other body: %+v", p)
	}
	r.do(http.StatusBadRequest, "POST", path, transfer(1), "Idempotency-Key", "K-2", "Idempotency-Key", "K-3")
	r.do(http.StatusUnprocessableEntity, "POST", path, transfer(1), "Idempotency-Key", "K-2", "Saga-Id", "K-3")
	r.do(http.StatusUnprocessableEntity, "POST", path, transfer(1), "Idempotency-Key", "a b")
	r.do(http.StatusUnprocessableEntity, "POST", path, transfer(1), "Idempotency-Key", "K-2", "Prefer", "wait=long")
	r.do(http.StatusNotFound, "GET", "/v1/sagas/K-2", "")
}

// TestThousandIdenticalStarts at once, over 64 connections: one transfer, told as new to one caller.
func TestThousandIdenticalStarts(t *testing.T) {
	r, _ := newRig(t, gateway.Config{})
	var fresh, replayed atomic.Int32
	var wg sync.WaitGroup
	slots := make(chan struct{}, 64)
	for range 1000 {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			a, err := r.send("POST", "/v1/sagas/transfer", transfer(100), "Idempotency-Key", "same")
			if err != nil || a.status != http.StatusAccepted && a.status != http.StatusOK {
				t.Errorf("%v %d %s", err, a.status, a.body)
			}
			if a.header.Get("Idempotency-Replayed") == "true" {
				replayed.Add(1)
			} else {
				fresh.Add(1)
			}
		})
	}
	wg.Wait()
	if fresh.Load() != 1 || replayed.Load() != 999 {
		t.Errorf("%d new, %d replayed", fresh.Load(), replayed.Load())
	}
	r.do(http.StatusOK, "POST", "/v1/sagas/transfer", transfer(100), "Idempotency-Key", "same", "Prefer", "wait=20")
	var list wire.List
	if err := json.Unmarshal(r.get("/v1/sagas").body, &list); err != nil || len(list.Items) != 1 {
		t.Errorf("%v, %d sagas", err, len(list.Items))
	}
	// What is left can be paid out to the last cent, and not once more: exactly 1.00 has gone.
	if doc := r.do(http.StatusOK, "POST", "/v1/sagas/transfer", transfer(999_01), "Idempotency-Key", "too-much", "Prefer", "wait=20").saga(t); doc.State != saga.Compensated {
		t.Errorf("more than what is left: %s", doc.State)
	}
	if doc := r.do(http.StatusOK, "POST", "/v1/sagas/transfer", transfer(999_00), "Idempotency-Key", "rest", "Prefer", "wait=20").saga(t); doc.State != saga.Completed {
		t.Errorf("what is left: %s", doc.State)
	}
}

// TestLimits: what is too large is not read, what is unknown is not ignored.
func TestLimits(t *testing.T) {
	r, _ := newRig(t, gateway.Config{})
	large := `{"x":"` + strings.Repeat("x", saga.MaxBody) + `"}`
	if p := r.do(http.StatusRequestEntityTooLarge, "POST", "/v1/sagas/transfer", large, "Idempotency-Key", "L").problem(t); p.Code != wire.CodeInvalid {
		t.Errorf("%+v", p)
	}
	// The server may hang up before all of a header was sent.
	if a, err := r.send("GET", "/v1/sagas", "", "X-Long", strings.Repeat("x", 64<<10)); err == nil && a.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a long header: %d", a.status)
	}
	r.do(http.StatusBadRequest, "POST", "/v1/sagas/transfer", "not json", "Idempotency-Key", "L").problem(t)
	r.do(http.StatusUnprocessableEntity, "POST", "/v1/sagas/transfer", "", "Idempotency-Key", "L").problem(t)
	r.do(http.StatusBadRequest, "GET", "/v1/sagas?stat=completed", "").problem(t)
	r.do(http.StatusBadRequest, "GET", "/v1/sagas?limit=many", "").problem(t)
	r.do(http.StatusUnprocessableEntity, "GET", "/v1/sagas?limit=1001", "").problem(t)
	r.do(http.StatusBadRequest, "POST", "/v1/sagas/L/cancel", `{"reason":"r","id":"M"}`).problem(t)
	r.do(http.StatusNotFound, "GET", "/v2", "").problem(t)
	a := r.do(http.StatusMethodNotAllowed, "DELETE", "/v1/sagas/L", "")
	if a.problem(t); a.header.Get("Allow") == "" {
		t.Error("405 without Allow")
	}
}

// busy is an orchestrator that has too much to do.
type busy struct{ gateway.Orchestrator }

func (busy) Start(context.Context, string, []byte, nats.Header) (orchestrator.Accepted, error) {
	return orchestrator.Accepted{}, wire.Busy(17, "later")
}

// TestRetryAfter holds that a start which is turned away is told when to come back, in both ways that HTTP has.
func TestRetryAfter(t *testing.T) {
	r, node := newRig(t, gateway.Config{})
	crowded := serve(t, gateway.Config{Orchestrator: busy{node.Orchestrator()}})
	a := crowded.do(http.StatusServiceUnavailable, "POST", "/v1/sagas/transfer", transfer(1), "Idempotency-Key", "K-1")
	if p := a.problem(t); p.Code != wire.CodeUnavailable || p.RetryAfter != 17 || a.header.Get("Retry-After") != "17" {
		t.Errorf("%v %+v", a.header, p)
	}
	r.do(http.StatusNotFound, "GET", "/v1/sagas/K-1", "")
}
