package client_test

import (
	"strings"
	"testing"

	"github.com/girohq/giro/embedded"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// unavailable is what a stand-in answers to refuse for now.
const unavailable = `{"title":"Not available now","status":503,"code":"unavailable","detail":"later"}`

// startBroker runs a broker without an orchestrator.
func startBroker(t *testing.T) *nats.Conn {
	t.Helper()
	b, err := embedded.StartNATS(embedded.NATSConfig{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Shutdown)
	conn, err := b.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// standIn answers requests in place of an orchestrator, to bring about what a real one does only
// now and then. Answers with a code are problems.
func standIn(t *testing.T, conn *nats.Conn, subject string, answer func(*nats.Msg) string) {
	t.Helper()
	_, err := conn.Subscribe(subject, func(m *nats.Msg) {
		body := answer(m)
		reply := &nats.Msg{Data: []byte(body)}
		if strings.Contains(body, `"code"`) {
			reply.Header = nats.Header{micro.ErrorCodeHeader: {"503"}, micro.ErrorHeader: {"refused"}}
		}
		if body == "" {
			return
		}
		if err := m.RespondMsg(reply); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
