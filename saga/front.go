package saga

// front is how far a saga has come, while its steps are looked at in their order.
type front struct {
	unsettled []bool // by index of the definition's steps
	open      bool   // any of them
	node      int    // the step looked at
	out       int    // its runs that are out
}

// enter counts what is out of a step when its first run is looked at.
func (f *front) enter(m *move, i int) {
	if f.unsettled == nil {
		f.unsettled, f.node = make([]bool, len(m.def.Steps)), -1
	}
	if m.at[i] == f.node {
		return
	}
	f.node, f.out = m.at[i], 0
	for j := i; j < len(m.Steps) && m.at[j] == f.node; j++ {
		if m.Steps[j].State != StepPending && !m.Steps[j].settled() {
			f.out++
		}
	}
}

// ready says whether a pending run may begin.
func (f *front) ready(m *move, i int) bool {
	sd := &m.def.Steps[f.node]
	if sd.each != nil && f.out >= sd.Parallel {
		return false
	}
	for _, before := range sd.after {
		if f.unsettled[before] {
			return false
		}
	}
	return true
}

func (f *front) leave(m *move, i int) {
	if !m.Steps[i].settled() {
		f.unsettled[f.node], f.open = true, true
	}
}
