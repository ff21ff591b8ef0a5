package saga

import (
	"fmt"
	"strconv"
)

// expand replaces a step that runs over a list by its runs, "<step>.<index>", which begin as there is
// room. The list is computed again whenever an item is needed: it depends on the input and on results,
// which do not change.
func (m *move) expand(i int, sd *StepDefinition) error {
	n, err := sd.items(&m.Instance)
	if err != nil {
		return err
	}
	if n > MaxItems {
		return fmt.Errorf("each: the list has %d items: at most %d are allowed", n, MaxItems)
	}
	if n == 0 {
		m.Steps[i].State, m.Steps[i].Result = StepSucceeded, []byte("[]")
		return nil
	}
	steps := make([]Step, 0, len(m.Steps)+n-1)
	steps = append(steps, m.Steps[:i]...)
	for item := range n {
		steps = append(steps, Step{ID: sd.ID + "." + strconv.Itoa(item), State: StepPending})
	}
	m.Steps = append(steps, m.Steps[i+1:]...)
	m.locate()
	return nil
}
