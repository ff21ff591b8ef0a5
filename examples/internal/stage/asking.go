package stage

import "github.com/girohq/giro/client"

// History is all that moved a saga, oldest first.
func (s *Stage) History(id string) []client.Moment {
	s.Helper()
	h, err := s.Client.History(s.within(), id)
	s.must(err)
	return h.Items
}

// Cancel asks for what ran to be undone.
func (s *Stage) Cancel(id, reason string) {
	s.Helper()
	_, err := s.Client.Cancel(s.within(), id, reason)
	s.must(err)
}
