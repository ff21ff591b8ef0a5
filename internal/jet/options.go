package jet

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

const (
	pingInterval  = 10 * time.Second // two unanswered pings: the peer is gone
	reconnectWait = 100 * time.Millisecond
	reconnectMore = 150 * time.Millisecond // jitter, so that clients do not come back in step
	writeTimeout  = 5 * time.Second        // a broker that does not read must not block writers for a minute
	drainTimeout  = 5 * time.Second
)

// Options are the settings of every connection of Giro: it is named, it reconnects for
// ever, and it never hides a broken connection from a publisher (nothing is buffered
// while the broker is away, because whoever publishes keeps its own outbox). With retry
// the first connect may fail as well and is repeated in the background. Problems that no
// call reports, such as a missing permission, go to log.
func Options(name string, retry bool, log zerolog.Logger) []nats.Option {
	return []nats.Option{
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(retry),
		nats.IgnoreAuthErrorAbort(), // credentials may be repaired on the server; nats.go gives up after two refusals
		nats.ReconnectBufSize(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectMore, reconnectMore),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(2),
		nats.FlusherTimeout(writeTimeout),
		nats.DrainTimeout(drainTimeout),
		nats.ErrorHandler(logAsync(log)),
		nats.DisconnectErrHandler(logDisconnect(log)),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info().Str("connection", nc.Opts.Name).Str("server", nc.ConnectedServerName()).Msg("broker connected again")
		}),
	}
}

// logAsync reports what no call returns: slow consumers, permission violations, limits.
func logAsync(log zerolog.Logger) nats.ErrHandler {
	return func(nc *nats.Conn, sub *nats.Subscription, err error) {
		e := log.Error()
		if errors.Is(err, nats.ErrSlowConsumer) {
			e = log.Warn()
		}
		if sub != nil {
			e = e.Str("subject", sub.Subject)
		}
		e.Str("connection", nc.Opts.Name).Err(err).Msg("broker connection")
	}
}

func logDisconnect(log zerolog.Logger) nats.ConnErrHandler {
	return func(nc *nats.Conn, err error) {
		if err == nil || nc.IsClosed() {
			return // closed by its owner
		}
		log.Warn().Str("connection", nc.Opts.Name).Err(err).Msg("broker disconnected")
	}
}
