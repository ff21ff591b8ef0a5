package wire

import "github.com/girohq/giro/saga"

// VerbRaces is answered by every process that takes part, so who asks waits for more than one answer.
const VerbRaces = "races"

// Races is what one part of the system has prevented since it was started. Names and sentences are
// those of package races.
type Races struct {
	Part  string            `json:"part"`  // giro, giro-YZ: as a micro service
	Store string            `json:"store"` // the id of its database
	Since saga.Time         `json:"since"`
	Races map[string]uint64 `json:"races"` // by name, those at zero too
}
