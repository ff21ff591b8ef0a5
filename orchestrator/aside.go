package orchestrator

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// streamOffline is the server's code for a stream that it has set aside. It has no name in nats.go.
const streamOffline jetstream.ErrorCode = 10194

// setAside says that the server has a stream and does not serve it: on its disk it has found something that it
// does not understand, such as a flipped bit in the description of a consumer. It stays so until somebody
// deletes the stream.
func setAside(err error) bool {
	var refused *jetstream.APIError
	return errors.As(err, &refused) && refused.ErrorCode == streamOffline
}

// survey asks who owns the streams that are there. A stream that the server has set aside does not say.
func (s *streams) survey(ctx context.Context) (ours bool, aside []string, err error) {
	ours = s.adopt
	for _, cfg := range s.configs {
		mine, err := s.checkOwner(ctx, cfg.Name)
		switch {
		case setAside(err):
			aside = append(aside, cfg.Name)
			s.log.Error().Err(err).Msg("the server has set a stream aside")
			ours = ours || s.incarnations[cfg.Name] != ""
		case err != nil:
			return false, nil, err
		}
		ours = ours || mine
	}
	return ours, aside, nil
}

// clear deletes the streams that the server has set aside, if they are this store's as the others are, and what they
// carried can be made again. Starts and dead letters are for a person to look after.
func (s *streams) clear(ctx context.Context, ours bool, aside []string) error {
	for _, name := range aside {
		if !ours || name != s.names.Commands() && name != s.names.Replies() && name != s.names.Events() {
			return fmt.Errorf("stream %s: %w", name, errAside)
		}
		if err := s.js.DeleteStream(ctx, name); err != nil {
			return fmt.Errorf("stream %s: %w", name, err)
		}
		s.log.Warn().Str("stream", name).Msg("the stream is deleted and made anew: what it carried is sent again")
	}
	return nil
}

// errAside: what the stream holds cannot be made again, or may be another store's.
var errAside = errors.New("the server has set it aside and says why in its log: mend it, or delete it with nats stream rm")
