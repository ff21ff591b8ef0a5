package wire

// Candidates is the verb that every candidate answers: ask, and gather.
const Candidates = "candidates"

// The roles of a [Candidacy].
const (
	RoleStandby = "standby" // waits to be elected
	RoleElected = "elected" // is elected, and waits for the data
	RoleLeader  = "leader"  // has the data, and does the work
)

// Candidacy is how one of the processes stands that were started with --standby.
type Candidacy struct {
	Of     string `json:"of"`               // what is led: "orchestrator", "bank YZ"
	Owner  string `json:"owner"`            // host/process id/4 letters
	Role   string `json:"role"`             // standby, elected, leader
	Term   uint64 `json:"term,omitempty"`   // the last it was elected for, unless it stands by
	Detail string `json:"detail,omitempty"` // what it waits for, or lacks
}
