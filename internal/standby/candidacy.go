package standby

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
)

// Candidacy says how this candidate stands.
func (c *Candidate) Candidacy() wire.Candidacy {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

func (c *Candidate) note(s wire.Candidacy) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Of, s.Owner = c.state.Of, c.state.Owner
	c.state = s
}

// answer tells everybody who asks for the candidates; all of them answer.
func (c *Candidate) answer() (stop func(), err error) {
	sub, err := c.cfg.Conn.Subscribe(c.names.API(wire.Candidates), func(m *nats.Msg) {
		data, err := json.Marshal(c.Candidacy())
		if err == nil && m.Reply != "" {
			err = m.Respond(data)
		}
		if err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			c.cfg.Log.Warn().Err(err).Msg("candidates")
		}
	})
	if err != nil {
		return nil, fmt.Errorf("standby: %w", err)
	}
	return func() { _ = sub.Unsubscribe() }, nil // without a connection there is nobody to tell
}
