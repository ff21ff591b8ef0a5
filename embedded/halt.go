package embedded

import (
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	quietTimeout = 2 * time.Second // for requests in flight; a store that hangs does not answer them
	quietEvery   = 2 * time.Millisecond
)

// halt stops a server and waits for it. A server that is told to shut down does not wait for the
// requests its JetStream is serving (nats-server 2.15.2): a stream made in that moment is never
// closed, and would go on writing its index into the directory beside the next server's. So those
// who ask are sent away first, and their last requests waited for.
func halt(s *server.Server) {
	sendAway(s)
	for end := time.Now().Add(quietTimeout); serving(s) && time.Now().Before(end); {
		<-time.After(quietEvery)
	}
	s.Shutdown()
	s.WaitForShutdown()
}

func sendAway(s *server.Server) {
	const page = 1024
	conns, err := s.Connz(&server.ConnzOptions{Limit: page})
	for err == nil && len(conns.Conns) > 0 {
		for _, c := range conns.Conns {
			_ = s.DisconnectClientByID(c.Cid) // it may have left meanwhile
		}
		conns, err = s.Connz(&server.ConnzOptions{Limit: page, Offset: conns.Offset + page})
	}
}

// serving says that a request to JetStream has not been answered yet.
func serving(s *server.Server) bool {
	info, err := s.Jsz(nil)
	return err == nil && info.API.Inflight > 0
}
