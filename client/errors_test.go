package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func clientJetStream(t *testing.T, conn *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func briefly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestUnreachable(t *testing.T) {
	conn := startBroker(t)
	c := clientOf(t, conn)
	for _, try := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"get", func(ctx context.Context) error { _, err := c.Get(ctx, "T-1"); return err }},
		{"start", func(ctx context.Context) error { _, err := c.Start(ctx, "transfer", "T-1", pays(1)); return err }},
		{"wait", func(ctx context.Context) error { _, err := c.Wait(ctx, "T-1"); return err }},
	} {
		if err := try.do(briefly(t)); !errors.Is(err, client.ErrUnreachable) {
			t.Errorf("%s without an orchestrator: %v, want ErrUnreachable", try.name, err)
		}
	}
}

// TestClosedConnection holds that nothing is repeated on a connection that never comes back.
func TestClosedConnection(t *testing.T) {
	conn := startBroker(t)
	c := clientOf(t, conn)
	conn.Close()
	forever := context.Background()
	_, err := c.Start(forever, "transfer", "T-1", pays(1))
	if !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("start: %v, want ErrUnreachable", err)
	}
	if _, err = c.Publish(forever, "transfer", "T-1", pays(1)); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("publish: %v, want ErrUnreachable", err)
	}
	if _, err = c.Wait(forever, "T-1"); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("wait: %v, want ErrUnreachable", err)
	}
	if err = c.Watch(forever, "", func(client.Event) error { return nil }); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("watch: %v, want ErrUnreachable", err)
	}
}

func TestTimeout(t *testing.T) {
	conn := startBroker(t)
	standIn(t, conn, "saga.api.v1.get", func(*nats.Msg) string { return "" })
	_, err := clientOf(t, conn).Get(briefly(t), "T-1")
	if !errors.Is(err, client.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v, want ErrTimeout", err)
	}
}

func TestCancelledContext(t *testing.T) {
	reason := errors.New("the user has gone")
	conn := startBroker(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	standIn(t, conn, "saga.api.v1.>", func(*nats.Msg) string { cancel(reason); return "" })
	c := clientOf(t, conn)
	if _, err := c.Start(ctx, "transfer", "T-1", pays(1)); !errors.Is(err, reason) {
		t.Errorf("start: %v, want the context's cause", err)
	}
	if _, err := c.Get(ctx, "T-1"); !errors.Is(err, reason) {
		t.Errorf("get: %v, want the context's cause", err)
	}
}

// TestUnauthorized holds that a broker's refusal is told as such and not as silence.
func TestUnauthorized(t *testing.T) {
	all := &server.SubjectPermission{Allow: []string{">"}}
	b, err := embedded.StartNATS(embedded.NATSConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0", Users: []embedded.User{
		{Name: "mute", Password: "secret", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"saga.>"}}, Subscribe: all}},
		{Name: "deaf", Password: "secret", Permissions: &server.Permissions{Publish: all, Subscribe: &server.SubjectPermission{Deny: []string{"_INBOX.>"}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Shutdown)
	inside, err := b.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(inside.Close)
	standIn(t, inside, "saga.api.v1.>", func(*nats.Msg) string { return "" })
	for _, user := range []string{"mute", "deaf"} {
		conn, err := nats.Connect(b.URL(), nats.UserInfo(user, "secret"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		c := clientOf(t, conn)
		if _, err := c.Get(briefly(t), "T-1"); !errors.Is(err, client.ErrUnauthorized) {
			t.Errorf("%s: get: %v, want ErrUnauthorized", user, err)
		}
		if _, err := c.Start(within(t), "transfer", "T-1", pays(1)); !errors.Is(err, client.ErrUnauthorized) {
			t.Errorf("%s: start: %v, want ErrUnauthorized", user, err)
		}
	}
}

func TestNew(t *testing.T) {
	conn := startBroker(t)
	if _, err := client.New(nil); err == nil {
		t.Error("a client without a connection was made")
	}
	if _, err := client.New(conn, client.WithPrefix("a.b")); err == nil {
		t.Error("a prefix with a dot was taken")
	}
	standIn(t, conn, "other.api.v1.health", func(*nats.Msg) string { return `{"status":"starting","checks":{}}` })
	c, err := client.New(conn, client.WithPrefix("other"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := c.Health(within(t))
	if err != nil || h.OK() || h.Status != "starting" {
		t.Errorf("%+v, %v", h, err)
	}
}

// TestForeignRefusal holds that a refusal in the words of micro alone is a problem too.
func TestForeignRefusal(t *testing.T) {
	conn := startBroker(t)
	for code, want := range map[string]string{
		"400": client.CodeInvalid, "403": client.CodeUnauthorized, "404": client.CodeNotFound, "409": client.CodeConflict, "500": client.CodeUnavailable, "x": client.CodeUnavailable,
	} {
		sub, err := conn.Subscribe("saga.api.v1.get", func(m *nats.Msg) {
			if err := m.RespondMsg(&nats.Msg{Header: nats.Header{"Nats-Service-Error-Code": {code}, "Nats-Service-Error": {"no"}}, Data: []byte(`{"detail":"not ours"}`)}); err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = clientOf(t, conn).Get(within(t), "T-1")
		wantProblem(t, err, want, "no")
		if err := sub.Unsubscribe(); err != nil {
			t.Fatal(err)
		}
	}
}
