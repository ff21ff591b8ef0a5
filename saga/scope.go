package saga

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// scope is what expressions see of one saga: its input, the results of its steps, its id and type;
// and the item, in a step that runs over a list.
type scope struct {
	in    *Instance
	valid bool // the input is known to be JSON

	each  *expression // nil: there is no item
	index int
	found json.RawMessage // the item, once it was looked up
}

func newScope(in *Instance) *scope { return &scope{in: in} }

// scope is that of the step, or of one of its runs.
func (sd *StepDefinition) scope(in *Instance, id string) *scope {
	s := newScope(in)
	if _, item, ok := cutItem(id); ok && sd.each != nil && id != sd.ID {
		s.each, s.index = sd.each, item
	}
	return s
}

// item returns the run's item of the list.
func (s *scope) item() (json.RawMessage, error) {
	switch {
	case s.found != nil:
		return s.found, nil
	case s.each == nil:
		return nil, errors.New("there is no item: this is no run over a list")
	}
	list := scope{in: s.in, valid: s.valid}
	v, err := s.each.at(&list, s.index)
	if err != nil {
		return nil, fmt.Errorf("item: %w", err)
	}
	s.found, err = appendValue(nil, v, MaxDepth)
	return s.found, err
}

func (s *scope) input() (json.RawMessage, error) {
	if !s.valid && !jsontext.Value(s.in.Input).IsValid() {
		return nil, fmt.Errorf("the saga's input: %w", explainBody(s.in.Input))
	}
	s.valid = true
	return s.in.Input, nil
}

// result returns the result of a step, nil while it has none. That of a step that was skipped is
// null, that of a step over a list the list of its runs' results, that of a hold the result of its try.
func (s *scope) result(step string) (json.RawMessage, error) {
	run, ok := s.in.Step(step)
	if !ok {
		run, ok = s.in.Step(step + trySuffix)
	}
	switch {
	case !ok:
		return s.results(step)
	case run.State == StepSkipped:
		return json.RawMessage("null"), nil
	case len(run.Result) == 0:
		return nil, nil
	case !jsontext.Value(run.Result).IsValid():
		return nil, fmt.Errorf("the result of step %q: %w", step, explainBody(run.Result))
	}
	return run.Result, nil
}

// results joins the results of the runs over a list, in the order of the list.
func (s *scope) results(step string) (json.RawMessage, error) {
	var list json.RawMessage
	for i := range s.in.Steps {
		if of, _, ok := cutItem(s.in.Steps[i].ID); !ok || of != step {
			continue
		}
		one, err := s.result(s.in.Steps[i].ID)
		if err != nil {
			return nil, err
		}
		if one == nil {
			return nil, nil
		}
		list = append(append(list, ','), one...)
	}
	if list == nil {
		return nil, nil
	}
	list[0] = '['
	return append(list, ']'), nil
}

// environment is what a compiled expression runs in. A step without a result is absent from it.
func (s *scope) environment(steps []string) (map[string]any, error) {
	body, err := s.input()
	if err != nil {
		return nil, err
	}
	input, err := decodeValid(body)
	if err != nil {
		return nil, fmt.Errorf("the saga's input: %w", err)
	}
	results := make(map[string]any, len(steps))
	for _, id := range steps {
		body, err := s.result(id)
		if err != nil {
			return nil, err
		}
		if body == nil {
			continue
		}
		if results[id], err = decodeValid(body); err != nil {
			return nil, fmt.Errorf("the result of step %q: %w", id, err)
		}
	}
	left := iterations(MaxIterations)
	environment := map[string]any{
		"input":        input,
		"results":      results,
		"saga":         map[string]any{"id": s.in.ID, "type": s.in.Type},
		iterationsName: &left,
	}
	if s.each == nil {
		return environment, nil
	}
	item, err := s.item()
	if err != nil {
		return nil, err
	}
	environment["index"] = s.index
	environment["item"], err = decodeValid(item)
	return environment, err
}
