package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// headerLast is what a browser's EventSource sends when it comes back.
const headerLast = "Last-Event-ID"

// follow streams the lifecycle events of one saga, from its first one until it has ended.
func (g *Gateway) follow(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	body, err := json.Marshal(wire.IDRequest{ID: id})
	if err != nil {
		return err
	}
	doc, err := g.cfg.Orchestrator.Call(r.Context(), "get", body, nats.Header{})
	if err != nil {
		return err
	}
	after, err := lastEvent(r, 0)
	if err != nil {
		return err
	}
	var now struct{ Finished *string }
	if err := json.Unmarshal(doc, &now); err != nil {
		return err
	}
	return g.stream(w, r, id, after, now.Finished != nil)
}

// followAll streams the events of all sagas, from now on.
func (g *Gateway) followAll(w http.ResponseWriter, r *http.Request) error {
	after, err := lastEvent(r, orchestrator.FromNow)
	if err != nil {
		return err
	}
	return g.stream(w, r, "", after, false)
}

// lastEvent is the number after which to go on.
func lastEvent(r *http.Request, otherwise int64) (int64, error) {
	said := r.Header.Get(headerLast)
	if said == "" {
		said = r.URL.Query().Get("after")
	}
	if said == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(said, 10, 64)
	if err != nil || n < 0 {
		return 0, wire.Unparsable(fmt.Errorf("%s %q is not the number of an event", headerLast, said))
	}
	return n, nil
}

// stream writes events until the client leaves, the saga has ended, or the gateway ends.
func (g *Gateway) stream(w http.ResponseWriter, r *http.Request, id string, after int64, ended bool) error {
	select {
	case g.streams <- struct{}{}:
		defer func() { <-g.streams }()
	default:
		return wire.Unavailable("too many event streams are open: try again in a moment")
	}
	ctx, cancel := g.patient(r)
	defer cancel()
	s := &stream{w: w, one: id != ""}
	for events, err := range g.cfg.Orchestrator.Follow(ctx, id, after, g.cfg.Quiet) {
		if err != nil && !s.begun {
			return err
		}
		if err != nil { // it is told by the end of the stream: the client comes back and hears it
			g.cfg.Log.Warn().Err(err).Msg("http: events")
			return nil
		}
		if ended && len(events) == 0 && !s.begun {
			w.WriteHeader(http.StatusNoContent) // an EventSource does not come back for more
			return nil
		}
		if over := s.send(events); over {
			return nil
		}
	}
	return nil
}

// stream is one client's.
type stream struct {
	w     http.ResponseWriter
	one   bool // it is about one saga, and ends with it
	begun bool
}

// send writes events, or a sign of life, and says whether that was all.
func (s *stream) send(events []orchestrator.Event) (over bool) {
	if !s.begun {
		h := s.w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no") // of a proxy in between
		s.w.WriteHeader(http.StatusOK)
		s.begun = true
	}
	var text bytes.Buffer
	if len(events) == 0 {
		text.WriteString(":\n\n")
	}
	for _, e := range events {
		encodeEvent(&text, e)
		over = over || s.one && e.Ended && saga.State(e.Name).Terminal()
	}
	bound(s.w, longestWait, writeTimeout)
	_, err := s.w.Write(text.Bytes())
	return over || errors.Join(err, http.NewResponseController(s.w).Flush()) != nil
}

// encodeEvent writes one event. Only the last one of a number names it: whoever comes back after
// another one gets all of that number again, rather than too few.
func encodeEvent(b *bytes.Buffer, e orchestrator.Event) {
	if e.Last {
		fmt.Fprintf(b, "id: %d\n", e.Number)
	}
	fmt.Fprintf(b, "event: %s\ndata: %s\n\n", e.Name, e.Saga)
}
