package embedded

// Check is the health of one part.
type Check struct {
	OK     bool
	Detail string // one sentence for a person; never empty when not OK
}
