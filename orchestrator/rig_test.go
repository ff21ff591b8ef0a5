package orchestrator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// rig is a real broker and a real orchestrator. The test itself is every participant: it hears
// the commands and says the replies.
type rig struct {
	*testing.T
	dir    string
	server *embedded.NATS
	conn   *nats.Conn
	js     jetstream.JetStream

	o        *orchestrator.Orchestrator
	db       *outbox.DB
	own      *nats.Conn
	stop     context.CancelFunc
	ended    chan error
	commands chan *nats.Msg
}

// newRig starts the broker; the orchestrator is started by the test.
func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, dir: t.TempDir(), commands: make(chan *nats.Msg, 1024)}
	r.startBroker()
	t.Cleanup(func() { r.server.Shutdown() })
	t.Cleanup(func() { r.conn.Close() })
	return r
}

func (r *rig) startBroker() {
	r.Helper()
	server, err := embedded.StartNATS(embedded.NATSConfig{Dir: filepath.Join(r.dir, "nats")})
	r.must(err)
	r.server = server
	r.conn, err = server.Connect("test")
	r.must(err)
	r.js, err = jetstream.New(r.conn)
	r.must(err)
	_, err = r.conn.ChanSubscribe("saga.command.>", r.commands)
	r.must(err)
	r.must(r.conn.Flush())
}

// running starts the orchestrator and waits until it is ready.
func (r *rig) running() *rig {
	r.Helper()
	r.start(orchestrator.Config{})
	r.eventually("ready", func() bool { return r.o.Health().Status == wire.HealthOK })
	return r
}

func (r *rig) start(cfg orchestrator.Config) {
	r.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	db, err := outbox.Open(ctx, outbox.Config{Path: filepath.Join(r.dir, "orchestrator.db"), Migrations: orchestrator.Migrations(), Shrinks: true})
	r.must(err)
	r.own, err = r.server.Connect("orchestrator")
	r.must(err)
	cfg.DB, cfg.Conn, cfg.Log = db, r.own, zerolog.New(zerolog.NewTestWriter(r.T)).Level(zerolog.WarnLevel)
	o, err := orchestrator.New(ctx, cfg)
	r.must(err)
	ended := make(chan error, 1)
	go func() { ended <- o.Run(ctx) }()
	r.o, r.db, r.stop, r.ended = o, db, cancel, ended
	r.Cleanup(r.halt)
}

// halt stops the orchestrator, as SIGTERM does. It may be called again.
func (r *rig) halt() {
	r.Helper()
	if r.stop == nil {
		return
	}
	r.stop()
	r.must(<-r.ended)
	r.own.Close()
	r.must(r.db.Close())
	r.stop = nil
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// eventually polls until a condition holds.
func (r *rig) eventually(what string, holds func() bool) {
	r.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			r.Fatalf("never %s", what)
		case <-tick.C:
		}
	}
}

func transferInput(amount int) string {
	return fmt.Sprintf(`{"from":{"bank":"A","account":"1"},"to":{"bank":"B","account":"2"},"amount":%d,"currency":"EUR"}`, amount)
}

// request asks a verb and returns the answer's body, or its problem.
func (r *rig) request(verb, body string, headers ...string) ([]byte, *wire.Problem) {
	r.Helper()
	m := nats.NewMsg("saga.api.v1." + verb)
	m.Data = []byte(body)
	for i := 0; i < len(headers); i += 2 {
		m.Header[headers[i]] = []string{headers[i+1]}
	}
	answer, err := r.conn.RequestMsg(m, patience)
	r.must(err)
	if answer.Header.Get("Nats-Service-Error-Code") == "" {
		return answer.Data, nil
	}
	problem := &wire.Problem{}
	r.must(json.Unmarshal(answer.Data, problem))
	return nil, problem
}

// begin starts a saga through door 2 and returns it as accepted.
func (r *rig) begin(sagaType, id, input string) saga.Document {
	r.Helper()
	body, problem := r.request("start."+sagaType, input, "Saga-Id", id)
	if problem != nil {
		r.Fatalf("start %s: %v", id, problem)
	}
	return r.document(body)
}

func (r *rig) document(body []byte) saga.Document {
	r.Helper()
	var doc saga.Document
	r.must(json.Unmarshal(body, &doc))
	return doc
}

func (r *rig) get(id string) saga.Document {
	r.Helper()
	body, problem := r.request("get", fmt.Sprintf(`{"id":%q}`, id))
	if problem != nil {
		r.Fatalf("get %s: %v", id, problem)
	}
	return r.document(body)
}

// reaches waits until a saga is in a state.
func (r *rig) reaches(id string, state saga.State) saga.Document {
	r.Helper()
	var doc saga.Document
	r.eventually(id+" "+string(state), func() bool {
		doc = r.get(id)
		return doc.State == state
	})
	return doc
}

// hears waits for the next command and checks which operation and attempt it is.
func (r *rig) hears(op string, attempt int) *nats.Msg {
	r.Helper()
	want := fmt.Sprintf("%s %d", op, attempt)
	m := r.command(want)
	if got := m.Header.Get("Saga-Op") + " " + m.Header.Get("Saga-Attempt"); got != want {
		r.Fatalf("heard %s, want %s", got, want)
	}
	return m
}

// command is the next one that is heard.
func (r *rig) command(want string) *nats.Msg {
	r.Helper()
	select {
	case m := <-r.commands:
		return m
	case <-time.After(patience):
		r.Fatalf("never heard %s", want)
		return nil
	}
}

var replies atomic.Int64

// says replies to a command. Words are header names and values to change.
func (r *rig) says(m *nats.Msg, outcome saga.Outcome, words ...string) {
	r.Helper()
	_, err := r.js.PublishMsg(r.Context(), r.reply(m, outcome, words...))
	r.must(err)
}

func (r *rig) reply(m *nats.Msg, outcome saga.Outcome, words ...string) *nats.Msg {
	reply := nats.NewMsg(m.Header.Get("Saga-Reply-To"))
	for _, name := range []string{"Saga-Id", "Saga-Step", "Saga-Direction", "Saga-Attempt", "Saga-Op", "Saga-Origin"} {
		reply.Header[name] = []string{m.Header.Get(name)}
	}
	reply.Header["Nats-Msg-Id"] = []string{fmt.Sprintf("test/%d", replies.Add(1))}
	reply.Header["Saga-Outcome"] = []string{string(outcome)}
	reply.Data = []byte("{}")
	for i := 0; i < len(words); i += 2 {
		switch words[i] {
		case "subject":
			reply.Subject = words[i+1]
		case "body":
			reply.Data = []byte(words[i+1])
		default:
			reply.Header[words[i]] = []string{words[i+1]}
		}
	}
	return reply
}

// apply stores a definition.
func (r *rig) apply(definition string) {
	r.Helper()
	if _, problem := r.request("definitions.apply", definition); problem != nil {
		r.Fatal(problem)
	}
}

// dead waits for a dead letter and returns its reason.
func (r *rig) dead(what string) *jetstream.RawStreamMsg {
	r.Helper()
	var letter *jetstream.RawStreamMsg
	r.eventually("dead letter "+what, func() bool {
		stream, err := r.js.Stream(r.Context(), "SAGA_DEAD")
		r.must(err)
		letter, err = stream.GetLastMsgForSubject(r.Context(), "saga.dead."+what)
		return !errors.Is(err, jetstream.ErrMsgNotFound)
	})
	return letter
}

// wipe deletes every stream under the running orchestrator.
func (r *rig) wipe() {
	r.Helper()
	for _, name := range []string{"SAGA_STARTS", "SAGA_COMMANDS", "SAGA_REPLIES", "SAGA_EVENTS", "SAGA_DEAD"} {
		r.must(r.js.DeleteStream(r.Context(), name))
	}
}

func contains(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%q does not say %q", text, part)
	}
}
