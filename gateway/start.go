package gateway

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// startHeaders are the options of a start, which go on as they are.
var startHeaders = []string{wire.HeaderID, wire.HeaderIdempotency, wire.HeaderVersion, wire.HeaderDeadline, wire.HeaderStartAt, wire.HeaderTraceParent}

const (
	headerReplayed = "Idempotency-Replayed"
	headerApplied  = "Preference-Applied"

	longestWait = 10 * time.Minute // of Prefer: wait, as the orchestrator has it
)

// start answers 202 when the saga is accepted, and 200 when it has ended.
func (g *Gateway) start(w http.ResponseWriter, r *http.Request) error {
	header, err := startHeader(r)
	if err != nil {
		return err
	}
	body, err := readBody(w, r, saga.MaxBody)
	if err != nil {
		return err
	}
	ctx, cancel := g.patient(r)
	defer cancel()
	wait := header.Get(wire.HeaderPrefer)
	if wait != "" { // only now: the body has come
		bound(w, longestWait+readTimeout, longestWait+writeTimeout)
	}
	if len(body) == 0 {
		body = []byte("{}")
	}
	accepted, err := g.cfg.Orchestrator.Start(ctx, r.PathValue("type"), body, header)
	if g.race(accepted, err); err != nil {
		return err
	}
	status := http.StatusAccepted
	if accepted.Terminal {
		status = http.StatusOK
	}
	h := w.Header()
	if accepted.Repeated {
		h.Set(headerReplayed, "true")
	}
	if wait != "" {
		h.Set(headerApplied, wait)
	}
	h.Set("Location", "/v1/sagas/"+startedID(header))
	g.write(w, status, "application/json", accepted.Document)
	return nil
}

// startHeader takes what a start understands. Without a key a client that hears no answer could not ask
// again, so it must have one.
func startHeader(r *http.Request) (nats.Header, error) {
	header := nats.Header{}
	for _, name := range startHeaders {
		switch values := r.Header.Values(name); len(values) {
		case 0:
		case 1:
			header.Set(name, values[0])
		default:
			return nil, wire.Unparsable(errors.New("the header " + name + " stands there twice"))
		}
	}
	if startedID(header) == "" {
		return nil, wire.Unparsable(errors.New("the header Idempotency-Key is missing: choose a key, which is the saga's id, and repeat the start with it to be sure; it starts only one saga"))
	}
	if wait := preferredWait(r.Header.Values(wire.HeaderPrefer)); wait != "" {
		header.Set(wire.HeaderPrefer, wait)
	}
	return header, nil
}

// startedID is the id that a start asks for; a key may be quoted, as its draft has it.
func startedID(h nats.Header) string {
	if id := h.Get(wire.HeaderID); id != "" {
		return id
	}
	key := h.Get(wire.HeaderIdempotency)
	if len(key) >= 2 && key[0] == '"' && key[len(key)-1] == '"' {
		return key[1 : len(key)-1]
	}
	return key
}

// preferredWait finds the wait among the preferences of a request; others are to be ignored (RFC 7240).
func preferredWait(values []string) string {
	for _, value := range values {
		for preference := range strings.SplitSeq(value, ",") {
			name, seconds, _ := strings.Cut(preference, "=")
			if strings.EqualFold(strings.TrimSpace(name), "wait") {
				return "wait=" + strings.Trim(strings.TrimSpace(seconds), `"`)
			}
		}
	}
	return ""
}
