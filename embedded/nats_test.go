package embedded

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/girohq/giro/outbox"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startNATS(t *testing.T, cfg NATSConfig) *NATS {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	n, err := StartNATS(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Shutdown)
	return n
}

func connectJS(t *testing.T, n *NATS) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := n.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return nc, js
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestStoreIsInDirAndSynced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nats")
	n := startNATS(t, NATSConfig{Dir: dir, MaxStore: 1 << 20})
	if n.URL() != "" {
		t.Errorf("url %q without a port", n.URL())
	}
	cfg := n.running.JetStreamConfig()
	if !cfg.SyncAlways || cfg.StoreDir != filepath.Join(dir, "jetstream") || cfg.MaxStore != 1<<20 {
		t.Errorf("config %+v", cfg)
	}
}

func TestUnsyncedServerIsRefused(t *testing.T) {
	n := &NATS{cfg: NATSConfig{Dir: t.TempDir()}}
	opts := n.options()
	opts.SyncAlways = false
	if _, err := boot(opts, &serverLog{wounded: &n.wounded}); !errors.Is(err, ErrNotSynced) {
		t.Fatal(err)
	}
}

func TestTwoServersOnOneDirectory(t *testing.T) {
	n := startNATS(t, NATSConfig{})
	if _, err := StartNATS(NATSConfig{Dir: n.cfg.Dir}); !errors.Is(err, outbox.ErrLocked) {
		t.Fatal(err)
	}
	n.Shutdown()
	n.Shutdown()
	startNATS(t, NATSConfig{Dir: n.cfg.Dir})
}

// A stream that is being made while the server stops must not outlive it: it would write into the
// directory that the next server owns.
func TestStopWaitsForStreamsInTheMaking(t *testing.T) {
	running := goleak.IgnoreCurrent()
	dir := t.TempDir()
	for range 5 {
		n, err := StartNATS(NATSConfig{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		nc, _ := connectJS(t, n)
		for i := range 30 {
			name := "S" + strconv.Itoa(i)
			if err := nc.Publish("$JS.API.STREAM.CREATE."+name, []byte(`{"name":"`+name+`","storage":"file"}`)); err != nil {
				t.Fatal(err)
			}
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		n.Shutdown()
		nc.Close()
	}
	goleak.VerifyNone(t, running)
}

func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	_, err = StartNATS(NATSConfig{Dir: dir, Listen: l.Addr().String()})
	if !errors.Is(err, ErrPortTaken) || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "jetstream")); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("something was started: %v", err)
	}
	startNATS(t, NATSConfig{Dir: dir}) // the lock was given up
}

func TestOnlyLoopbackIsOpen(t *testing.T) {
	users := []User{{Name: "ann", Password: "secret"}}
	for _, listen := range []string{":4222", "0.0.0.0:4222", "[::]:4222", "10.1.2.3:4222", "example.org:4222"} {
		for _, cfg := range []NATSConfig{{}, {Users: users}, {TLS: &tls.Config{}}} {
			cfg.Dir, cfg.Listen = t.TempDir(), listen
			if _, err := StartNATS(cfg); !errors.Is(err, ErrExposed) {
				t.Errorf("%s, TLS %v, %d users: %v", listen, cfg.TLS != nil, len(cfg.Users), err)
			}
		}
		if _, err := (NATSConfig{Dir: "x", Listen: listen, TLS: &tls.Config{}, Users: users}).checked(); err != nil {
			t.Errorf("%s with TLS and users: %v", listen, err)
		}
	}
	for _, listen := range []string{"4222", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:-1", "127.0.0.1:65536"} {
		if _, err := StartNATS(NATSConfig{Dir: t.TempDir(), Listen: listen}); err == nil {
			t.Errorf("%q accepted", listen)
		}
	}
	if _, err := StartNATS(NATSConfig{}); err == nil {
		t.Error("accepted without a directory")
	}
}

func TestPortWithUsers(t *testing.T) {
	n := startNATS(t, NATSConfig{Listen: "127.0.0.1:0", Users: []User{{Name: "ann", Password: "secret"}}})
	url := n.URL()
	if _, err := nats.Connect(url); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("without credentials: %v", err)
	}
	nc, err := nats.Connect(url, nats.UserInfo("ann", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	inside, _ := connectJS(t, n)
	if err := n.restart(); err != nil {
		t.Fatal(err)
	}
	if n.URL() != url {
		t.Errorf("url %s became %s", url, n.URL())
	}
	awaitReconnect(t, n, inside)
}

// awaitReconnect waits until nc is connected to the server that runs now.
func awaitReconnect(t *testing.T, n *NATS, nc *nats.Conn) {
	t.Helper()
	s, err := n.current()
	if err != nil {
		t.Fatal(err)
	}
	status := nc.StatusChanged(nats.CONNECTED)
	defer nc.RemoveStatusListener(status)
	for nc.ConnectedServerId() != s.ID() {
		select {
		case <-status:
		case <-time.After(patience):
			t.Fatal("not connected again")
		}
	}
}

func TestConnectionSurvivesRestart(t *testing.T) {
	n := startNATS(t, NATSConfig{})
	nc, js := connectJS(t, n)
	ctx := testContext(t)
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "KEPT", Subjects: []string{"kept"}}); err != nil {
		t.Fatal(err)
	}
	if err := n.restart(); err != nil {
		t.Fatal(err)
	}
	awaitReconnect(t, n, nc)
	if _, err := js.Publish(ctx, "kept", nil); err != nil {
		t.Fatal(err)
	}
}

func TestShutdownIsFinal(t *testing.T) {
	n := startNATS(t, NATSConfig{})
	n.Shutdown()
	if err := n.restart(); !errors.Is(err, ErrDown) {
		t.Error(err)
	}
	if _, err := n.Connect("late"); !errors.Is(err, ErrDown) {
		t.Error(err)
	}
}

func TestRunShutsDown(t *testing.T) {
	n := startNATS(t, NATSConfig{})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("runs on")
	}
	if _, err := n.current(); !errors.Is(err, ErrDown) {
		t.Fatal(err)
	}
}
