package saga

import (
	"encoding/json"
	"fmt"
	"time"
)

// Builder writes a definition in Go. It makes the same document as a file would be, and
// [Builder.Build] checks it by the same rules.
type Builder struct {
	document map[string]any
	steps    []any
}

// StepBuilder adds to one step of a [Builder], and goes on with the next.
type StepBuilder struct {
	*Builder
	step map[string]any
}

// New begins the definition of a saga.
func New(name string) *Builder {
	return &Builder{document: map[string]any{"saga": name}}
}

// Version says which version it is; without it the version is 1. Versions are immutable: a changed
// definition needs another one.
func (b *Builder) Version(n int) *Builder { return b.set("version", n) }

// Description says for people what the saga does.
func (b *Builder) Description(s string) *Builder { return b.set("description", s) }

// Input sets the JSON Schema of the input: a json.RawMessage, or a value that marshals to it.
func (b *Builder) Input(schema any) *Builder { return b.set("input", schema) }

// Deadline bounds the time from the start until the pivot is sent.
func (b *Builder) Deadline(d time.Duration) *Builder { return b.set("deadline", d.String()) }

// Output sets the saga's output: names and values with ${...} in their strings.
func (b *Builder) Output(values map[string]any) *Builder { return b.set("output", values) }

// Step begins the next step. Without another word about its kind it is compensatable if it has an
// undo, else the pivot.
func (b *Builder) Step(id string) *StepBuilder {
	step := map[string]any{"id": id}
	b.steps = append(b.steps, step)
	return &StepBuilder{Builder: b, step: step}
}

// Build checks the definition. The error is a [*DefinitionError] without lines, or about a value
// that has no JSON.
func (b *Builder) Build() (*Definition, error) {
	b.set("steps", b.steps)
	source, err := json.Marshal(b.document)
	if err != nil {
		return nil, fmt.Errorf("saga %v: %w", b.document["saga"], err)
	}
	root, problem := readJSON(source)
	if root != nil {
		root.forgetPlaces()
	}
	return define("", root, problem)
}

func (b *Builder) set(name string, value any) *Builder {
	b.document[name] = value
	return b
}

// On names the participant: a name, or a text with ${...}.
func (s *StepBuilder) On(participant string) *StepBuilder { return s.with("participant", participant) }

// Do names the action.
func (s *StepBuilder) Do(action string) *StepBuilder { return s.with("action", action) }

// Key sets the ordering lane, with ${...} in it; without it the key is the saga's id.
func (s *StepBuilder) Key(key string) *StepBuilder { return s.with("key", key) }

// Args sets the action's arguments: names and values with ${...} in their strings.
func (s *StepBuilder) Args(values map[string]any) *StepBuilder { return s.with("args", values) }

// Timeout bounds one attempt, from the moment the broker has it.
func (s *StepBuilder) Timeout(d time.Duration) *StepBuilder { return s.with("timeout", d.String()) }

// Retry sets the policy; its zero fields keep their defaults.
func (s *StepBuilder) Retry(p RetryPolicy) *StepBuilder { return s.with("retry", p.document()) }

// Undo names the action that undoes the step.
func (s *StepBuilder) Undo(action string) *StepBuilder { return s.with("undo", action) }

// UndoWith is [StepBuilder.Undo] with a timeout and a policy of its own; zero ones are the step's.
func (s *StepBuilder) UndoWith(u UndoDefinition) *StepBuilder {
	undo := map[string]any{"action": u.Action}
	if u.Timeout != 0 {
		undo["timeout"] = u.Timeout.String()
	}
	if retry := u.Retry.document(); len(retry) > 0 {
		undo["retry"] = retry
	}
	return s.with("undo", undo)
}

// Pivot makes the step the point of no return.
func (s *StepBuilder) Pivot() *StepBuilder { return s.with("kind", Pivot) }

// Retriable makes the step one that is repeated until it succeeds. It stands after the pivot.
func (s *StepBuilder) Retriable() *StepBuilder { return s.with("kind", Retriable) }

// Read makes the step one without an effect.
func (s *StepBuilder) Read() *StepBuilder { return s.with("kind", Read) }

// After names the steps, above this one, that it comes after; none: it begins with the saga. Without it a
// step comes after the one before.
func (s *StepBuilder) After(steps ...string) *StepBuilder {
	return s.with("after", append([]string{}, steps...))
}

// When leaves the step out unless the condition, one ${...}, is true.
func (s *StepBuilder) When(condition string) *StepBuilder { return s.with("when", condition) }

// Each runs the step once for each item of a list, one ${...}, and so many at once; zero is
// [DefaultParallel].
func (s *StepBuilder) Each(list string, parallel int) *StepBuilder {
	if parallel != 0 {
		s.with("parallel", parallel)
	}
	return s.with("each", list)
}

// Hold makes the step a hold: what try holds is made final by confirm, or given back by cancel.
func (s *StepBuilder) Hold(try, confirm, cancel string) *StepBuilder {
	return s.with("try", try).with("confirm", confirm).with("cancel", cancel)
}

// Expires bounds how long a hold is kept.
func (s *StepBuilder) Expires(d time.Duration) *StepBuilder { return s.with("expires", d.String()) }

// Sleep makes the step wait: a duration such as "3d", with ${...} in it.
func (s *StepBuilder) Sleep(duration string) *StepBuilder { return s.with("sleep", duration) }

// Await makes the step wait for a signal. Timeout zero is for ever; otherwise the step is rejected then,
// or skipped if the saga is to continue.
func (s *StepBuilder) Await(signal string, timeout time.Duration, onTimeout OnTimeout) *StepBuilder {
	return s.await(map[string]any{"signal": signal}, timeout, onTimeout)
}

// AwaitOr is [StepBuilder.Await] with a second signal, which rejects the step.
func (s *StepBuilder) AwaitOr(signal, reject string, timeout time.Duration, onTimeout OnTimeout) *StepBuilder {
	return s.await(map[string]any{"signal": signal, "reject": reject}, timeout, onTimeout)
}

// OnTimeout says what an await does when nobody has said anything.
type OnTimeout string

// What an await can do; "" is to reject.
const (
	OnTimeoutReject   OnTimeout = "reject"
	OnTimeoutContinue OnTimeout = "continue"
)

func (s *StepBuilder) await(await map[string]any, timeout time.Duration, onTimeout OnTimeout) *StepBuilder {
	if timeout != 0 {
		await["timeout"] = timeout.String()
	}
	if onTimeout != "" {
		await["on_timeout"] = onTimeout
	}
	return s.with("await", await)
}

// Run makes the step run another saga, in its newest version, with this input.
func (s *StepBuilder) Run(saga string, input map[string]any) *StepBuilder {
	return s.with("run", map[string]any{"saga": saga, "input": input})
}

// Compensatable makes the step one that can be undone: with [StepBuilder.Undo], or as a saga without a pivot.
func (s *StepBuilder) Compensatable() *StepBuilder { return s.with("kind", Compensatable) }

func (s *StepBuilder) with(name string, value any) *StepBuilder {
	s.step[name] = value
	return s
}

// document is the policy as a file says it.
func (p RetryPolicy) document() map[string]any {
	d := make(map[string]any)
	if p.Attempts != 0 {
		d["attempts"] = p.Attempts
	}
	if p.Backoff != 0 {
		d["backoff"] = p.Backoff.String()
	}
	if p.Factor != 0 {
		d["factor"] = p.Factor
	}
	if p.Max != 0 {
		d["max"] = p.Max.String()
	}
	if len(p.Not) > 0 {
		d["not"] = p.Not
	}
	return d
}
