package overload

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/gateway"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

var (
	open  = flag.Int("overload.open", 2000, "sagas that are open while their participant is away")
	wiped = flag.Int("overload.wiped", 400, "sagas that are open when the broker loses its store")
)

const (
	perOpen = 8 << 10 // bytes of memory that a saga may cost whose command waits for its participant
	slack   = 32 * mega
)

// fill starts sagas at a shop that is not there.
func (w *world) fill(n int) {
	w.Helper()
	g, ctx := errgroup.WithContext(w.ctx)
	g.SetLimit(256)
	for i := 0; i < n && ctx.Err() == nil; i++ {
		g.Go(func() error {
			job := buy("shop")
			_, err := w.c.Start(ctx, job.Type, job.ID, job.Input)
			return err
		})
	}
	w.must(g.Wait())
}

// TestOpen holds that a participant that is away costs nothing but a bounded memory: starts are accepted up to
// the bound, beyond it they are told when to come back at every door, a client comes back by itself, and when
// the participant is there everything ends.
func TestOpen(t *testing.T) {
	in(t, *open, 30*time.Minute, func(w *world) {
		before := heap()
		began := time.Now()
		w.fill(*open)
		filled := time.Since(began)
		each := (heap() - before - slack) / int64(*open)
		w.refused()
		patient := make(chan error, 1)
		go func() {
			doc, err := w.c.Start(w.ctx, "buy-shop", "patient", nil, client.WithWait(10*time.Minute))
			if err == nil && doc.State != saga.Completed {
				err = fmt.Errorf("it is %s", doc.State)
			}
			patient <- err
		}()
		full := heap() - before
		defer w.open("shop", 0)()
		took := w.rest()
		if err := <-patient; err != nil {
			w.Errorf("the patient customer: %v", err)
		}
		w.Logf("%d sagas open after %s: %d bytes of memory each; the participant came back, at rest after %s", *open, filled.Round(time.Millisecond), full/int64(*open), took.Round(time.Millisecond))
		if each > perOpen {
			w.Errorf("an open saga costs %d bytes, at most %d are promised", each, perOpen)
		}
	})
}

// refused holds what a start beyond the bound hears, and that a known one is answered.
func (w *world) refused() {
	w.Helper()
	once, cancel := context.WithTimeout(w.ctx, time.Second)
	defer cancel()
	_, err := w.c.Start(once, "buy-shop", "one-more", nil)
	var problem *client.Problem
	if !errors.As(err, &problem) || problem.Code != wire.CodeUnavailable || problem.RetryAfter < 1 {
		w.Errorf("one more: %v", err)
	}
	if _, err := w.c.Start(w.ctx, "buy-shop", fmt.Sprintf("o-%d", numbers.Load()), nil); err != nil {
		w.Errorf("a repeat: %v", err)
	}
	g, err := gateway.New(gateway.Config{Orchestrator: w.node.Orchestrator(), Listen: "127.0.0.1:0"})
	w.must(err)
	ctx, stop := context.WithCancel(w.ctx)
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL()+"/v1/sagas/buy-shop", strings.NewReader("{}"))
	w.must(err)
	request.Header.Set("Idempotency-Key", "one-more")
	answer, err := http.DefaultClient.Do(request)
	w.must(err)
	w.must(answer.Body.Close())
	if after := answer.Header.Get("Retry-After"); answer.StatusCode != http.StatusServiceUnavailable || after == "" || after == "0" || after == "1" {
		w.Errorf("over HTTP: %s, Retry-After %q", answer.Status, after)
	}
	stop()
	w.must(<-ended)
}

// TestWiped holds that a broker which has lost its store under many open sagas is healed by itself, at the
// pace of re-sends and no faster, while new sagas do not wait behind that.
func TestWiped(t *testing.T) {
	in(t, 0, time.Hour, func(w *world) {
		w.fill(*wiped)
		js, err := jetstream.New(w.conn)
		w.must(err)
		for _, stream := range []string{"SAGA_STARTS", "SAGA_COMMANDS", "SAGA_REPLIES", "SAGA_EVENTS", "SAGA_DEAD"} {
			w.must(js.DeleteStream(w.ctx, stream))
		}
		began := time.Now()
		defer w.open("shop", 0)()
		w.until("there are streams again", func() bool {
			_, err := js.Stream(w.ctx, "SAGA_COMMANDS")
			return err == nil
		})
		asked := time.Now()
		doc, err := w.c.Start(w.ctx, "buy-shop", "new", nil, client.WithWait(time.Hour))
		w.must(err)
		fresh := time.Since(asked)
		if doc.State != saga.Completed {
			w.Errorf("a new saga is %s", doc.State)
		}
		left := w.count(unfinished)
		w.rest()
		took := time.Since(began)
		w.Logf("%d open sagas: at rest %s after the wipe (%.0f/s); a new one took %s, with %d others still open",
			*wiped, took.Round(time.Millisecond), float64(*wiped)/took.Seconds(), fresh.Round(time.Millisecond), left)
		if least := time.Duration(float64(*wiped)/pace*float64(time.Second)) * 9 / 10; took < least {
			w.Errorf("%d commands were sent again within %s: recovery is a storm", *wiped, took)
		}
		if left < *wiped/10 {
			w.Errorf("only %d sagas were left when a new one had ended: it waited behind those that are sent again", left)
		}
	})
}

// pace is the rate of re-sends that is always allowed.
const pace = 100
