package gateway_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/gateway"
	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// TestBrokerAway: the orchestrator has never reached a broker, then has one, then loses it. Starts are
// accepted all the time, the health says what is missing, and what was accepted is carried when the
// broker is back.
func TestBrokerAway(t *testing.T) {
	dir := t.TempDir()
	broker := startBroker(t, dir, "127.0.0.1:0")
	address := strings.TrimPrefix(broker.URL(), "nats://")
	broker.Shutdown()

	r := serveAlone(t, dir, broker.URL())
	r.accept("T-1")
	if p := r.do(http.StatusServiceUnavailable, "GET", "/readyz", ""); !strings.Contains(string(p.body), "not connected to NATS") {
		t.Errorf("%s", p.body)
	}
	r.get("/healthz")
	l := r.listen("/v1/events?after=0")
	if e := l.event(); e != "1 accepted" {
		t.Errorf("%q", e)
	}

	broker = startBroker(t, dir, address)
	r.ends("T-1")
	broker.Shutdown()
	r.accept("T-2")
	if a := r.do(http.StatusAccepted, "POST", "/v1/sagas/transfer", transfer(1), "Idempotency-Key", "T-2", "Prefer", "wait=1"); a.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%v", a.header)
	}
	broker = startBroker(t, dir, address)
	defer broker.Shutdown()
	r.ends("T-2")
	r.end()
}

func (r *rig) accept(id string) {
	r.Helper()
	r.do(http.StatusAccepted, "POST", "/v1/sagas/transfer", transfer(1), "Idempotency-Key", id)
}

func (r *rig) ends(id string) {
	r.Helper()
	doc := r.do(http.StatusOK, "POST", "/v1/sagas/transfer", transfer(1), "Idempotency-Key", id, "Prefer", "wait=25").saga(r.T)
	if doc.State != saga.Completed {
		r.Errorf("%s is %s", id, doc.State)
	}
}

func startBroker(t *testing.T, dir, listen string) *embedded.NATS {
	t.Helper()
	b, err := embedded.StartNATS(embedded.NATSConfig{Dir: filepath.Join(dir, "nats"), Listen: listen, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// connect survives that the broker is away, also at the beginning.
func connect(t *testing.T, url string) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(url, nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// orchestratorAt is one with a store of its own, and its connection.
func orchestratorAt(t *testing.T, dir, url string) (*orchestrator.Orchestrator, *nats.Conn) {
	t.Helper()
	db, err := outbox.Open(t.Context(), outbox.Config{Path: filepath.Join(dir, "orchestrator.db"), Migrations: orchestrator.Migrations()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	conn := connect(t, url)
	o, err := orchestrator.New(t.Context(), orchestrator.Config{DB: db, Conn: conn, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	return o, conn
}

// serveAlone runs an orchestrator, two banks and a gateway against a broker elsewhere.
func serveAlone(t *testing.T, dir, url string) *rig {
	t.Helper()
	o, _ := orchestratorAt(t, dir, url)
	t.Cleanup(running(t, "orchestrator", o.Run))
	for _, name := range []string{"A", "B"} {
		bank, err := ledger.Open(t.Context(), ledger.Config{Bank: name, Dir: dir, Conn: connect(t, url), Log: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := bank.Close(); err != nil {
				t.Error(err)
			}
		})
		if _, err := bank.OpenAccounts(t.Context(), []ledger.Account{{Account: "1", Currency: "EUR", Balance: 1000}}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(running(t, "bank "+name, bank.Run))
	}
	return serve(t, gateway.Config{Orchestrator: o})
}

// TestForeignStreamsHearNothing: a start may be accepted before it is known that the streams belong to another
// store. Nothing of it gets there.
func TestForeignStreamsHearNothing(t *testing.T) {
	dir := t.TempDir()
	broker := startBroker(t, dir, "127.0.0.1:0")
	address, url := strings.TrimPrefix(broker.URL(), "nats://"), broker.URL()
	owner, _ := orchestratorAt(t, t.TempDir(), url)
	if err := owner.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	o, conn := orchestratorAt(t, t.TempDir(), url) // it is connected: what it says is sent when the broker is back
	broker.Shutdown()

	ended := make(chan error, 1)
	go func() { ended <- o.Run(t.Context()) }()
	if _, err := o.Start(t.Context(), "transfer", []byte(transfer(1)), nats.Header{"Saga-Id": {"T-1"}}); err != nil {
		t.Fatal(err)
	}
	broker = startBroker(t, dir, address)
	defer broker.Shutdown()
	if err := <-ended; !errors.Is(err, orchestrator.ErrForeignStreams) {
		t.Errorf("%v", err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	// On the same connection: what was sent before it is in the stream before it.
	ack, err := js.Publish(t.Context(), "saga.event.test.T-0.accepted", nil)
	if err != nil {
		t.Fatal(err)
	}
	if ack.Sequence != 1 {
		t.Errorf("%d events came before", ack.Sequence-1)
	}
}
