package embedded

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/girohq/giro/internal/cluster"
	"github.com/girohq/giro/internal/jet"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// onCluster makes a rig whose broker is three servers.
func onCluster(t *testing.T) (*restoreRig, *cluster.Cluster, jetstream.JetStream) {
	t.Helper()
	r := newRestoreRig(t)
	c, err := cluster.Start(t.Context(), cluster.Config{Dir: t.TempDir(), Servers: 3, Sync: true})
	r.must(err)
	t.Cleanup(c.Close)
	r.cfg.Dial = func(name string) (*nats.Conn, error) {
		return nats.Connect(c.URL(), jet.Options(name, false, zerolog.Nop())...)
	}
	conn, err := r.cfg.Dial("test")
	r.must(err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	r.must(err)
	return r, c, js
}

// TestThreeServers holds that a node works over a cluster that keeps each message three times, and that transfers
// under way end when the server is gone that led their commands.
func TestThreeServers(t *testing.T) {
	r, c, js := onCluster(t)
	r.cfg.Replicas = 3
	r.start()
	r.ready()
	for _, name := range []string{"SAGA_STARTS", "SAGA_COMMANDS", "SAGA_REPLIES", "SAGA_EVENTS", "SAGA_DEAD"} {
		stream, err := js.Stream(t.Context(), name)
		r.must(err)
		if n := stream.CachedInfo().Config.Replicas; n != 3 {
			t.Errorf("%s is kept %d times", name, n)
		}
	}
	r.transfer("before", 10)
	var under sync.WaitGroup
	gone := make(chan struct{})
	under.Go(func() {
		for i := 0; ; i++ {
			r.transfer(fmt.Sprint("meanwhile-", i), 10)
			select {
			case <-gone:
				return
			default:
			}
		}
	})
	r.must(c.StopLeader(t.Context(), js, "SAGA_COMMANDS"))
	close(gone)
	under.Wait()
	r.transfer("after", 10)
	r.stop()
	r.audit()
}

// TestMoreReplicas holds that streams are given more servers where they can be, and that the error for those that
// cannot says what to do, which then works.
func TestMoreReplicas(t *testing.T) {
	r, _, js := onCluster(t)
	r.start()
	r.ready()
	r.transfer("one", 10)
	r.stop()
	r.cfg.Replicas = 3
	r.start()
	err := <-r.ended
	for _, name := range []string{"SAGA_COMMANDS", "SAGA_REPLIES", "SAGA_EVENTS"} {
		if err == nil || !strings.Contains(err.Error(), "delete it with nats stream rm "+name) {
			t.Errorf("what to do about %s is not said: %v", name, err)
		}
		r.must(js.DeleteStream(t.Context(), name))
	}
	r.start()
	r.ready()
	r.transfer("three", 10)
	r.stop()
}
