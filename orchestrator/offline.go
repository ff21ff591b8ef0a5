package orchestrator

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// streamOffline is the server's code for a stream that it has and does not serve: on its disk it has found something
// that it does not understand, such as a flipped bit in the description of a consumer. It stays so until somebody
// deletes the stream. The code has no name in nats.go.
const streamOffline jetstream.ErrorCode = 10194

// offline is a stream that the server does not serve, and why.
type offline struct {
	name string
	why  error
}

// survey asks who owns the streams that are there. One that is offline does not say.
func (s *streams) survey(ctx context.Context) (ours bool, dark []offline, err error) {
	ours = s.adopt
	for _, cfg := range s.configs {
		mine, err := s.checkOwner(ctx, cfg.Name)
		var refused *jetstream.APIError
		switch {
		case errors.As(err, &refused) && refused.ErrorCode == streamOffline:
			dark = append(dark, offline{cfg.Name, err})
			mine = s.incarnations[cfg.Name] != ""
		case err != nil:
			return false, nil, err
		}
		ours = ours || mine
	}
	return ours, dark, nil
}

// clear deletes the streams that are offline, if they are this store's as the others are, and what they carried can be
// made again. Starts and dead letters are for a person to look after.
func (s *streams) clear(ctx context.Context, ours bool, dark []offline) error {
	for _, d := range dark {
		if !ours || d.name != s.names.Commands() && d.name != s.names.Replies() && d.name != s.names.Events() {
			return fmt.Errorf("%w; the server's log says more: mend it, or delete the stream with nats stream rm", d.why)
		}
		if err := s.js.DeleteStream(ctx, d.name); err != nil {
			return fmt.Errorf("stream %s: %w", d.name, err)
		}
		s.log.Error().Err(d.why).Msg("the server does not serve this stream: it was deleted, and is made anew")
	}
	return nil
}
