package saga

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Missed says what becomes of ticks at which nobody could start a saga, for the orchestrator was down.
type Missed string

// The rules for missed ticks.
const (
	MissedSkip Missed = "skip" // nothing
	MissedOnce Missed = "once" // one start, for the latest of them
	MissedAll  Missed = "all"  // one start each, for the latest thousand
)

// Schedule starts a saga again and again, as a file says it. When it ticks is known to those who can read
// its cron expression and its zone; this package only keeps both.
type Schedule struct {
	Name    string
	Saga    string
	Version int // zero: the newest at each tick
	Cron    string
	Zone    string // IANA name
	Missed  Missed
	Until   time.Time // no tick after it; zero: for ever

	input  json.RawMessage
	source json.RawMessage
}

// MaxScheduleName leaves room for the tick's time in the ids of its sagas.
const MaxScheduleName = MaxID - len("-20060102T150405Z")

// Source is the schedule as canonical JSON, which [ParseSchedule] reads again.
func (s *Schedule) Source() json.RawMessage { return s.source }

// SagaID is the id of the saga that a tick starts: the same whenever the tick is looked at.
func (s *Schedule) SagaID(tick time.Time) string {
	return s.Name + "-" + tick.UTC().Format("20060102T150405Z")
}

// Input is the input of the saga that a tick starts.
func (s *Schedule) Input(tick time.Time) json.RawMessage {
	return bytes.ReplaceAll(s.input, []byte(tickTime), []byte(tick.UTC().Format(time.RFC3339)))
}

// tickTime stands in texts of the input for the time of the tick.
const tickTime = "${schedule.time}"

// ParseSchedule reads a schedule from a file's text, as [Parse] does a definition.
func ParseSchedule(file string, data []byte) (*Schedule, error) {
	read := readYAML
	if strings.HasSuffix(file, ".json") {
		read = readJSON
	}
	d := draft{file: file}
	root, problem := read(data)
	s := &Schedule{}
	if problem != nil {
		d.problems = append(d.problems, *problem)
	} else {
		d.schedule(root, s)
	}
	if len(d.problems) > 0 {
		return nil, d.failed()
	}
	return s, nil
}

func (d *draft) schedule(root *node, s *Schedule) {
	o, ok := d.object(root, "", "schedule", "saga", "version", "cron", "zone", "input", "missed", "until")
	if !ok {
		return
	}
	var name *node
	if s.Name, name = o.token("schedule", required); name != nil && len(s.Name) > MaxScheduleName {
		o.refuse(name, fmt.Sprintf("schedule: %d characters are more than %d", len(s.Name), MaxScheduleName), "choose a shorter name: the ids of its sagas begin with it")
	}
	s.Saga, _ = o.token("saga", required)
	s.Version = o.integer("version", 0, 1, 1<<31-1)
	s.Cron, _ = o.text("cron", required)
	if s.Zone, _ = o.text("zone", optional); s.Zone == "" {
		s.Zone = "UTC"
	}
	s.Missed = o.missed()
	s.Until = o.time("until")
	s.input = o.constantInput()
	source, err := Canonical(root.appendJSON(nil))
	if err != nil {
		o.refuse(root, err.Error(), "")
	}
	s.source = slices.Clone(source)
}

func (o object) missed() Missed {
	text, value := o.text("missed", optional)
	switch m := Missed(text); {
	case value == nil:
		return MissedOnce
	case m == MissedSkip || m == MissedOnce || m == MissedAll:
		return m
	}
	o.refuse(value, fmt.Sprintf("there is no rule %q for missed ticks", text), "write skip, once or all")
	return MissedOnce
}

func (o object) time(name string) time.Time {
	text, value := o.text(name, optional)
	if value == nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		o.refuse(value, fmt.Sprintf("%s: %q is not a time", name, text), "write an RFC 3339 time: 2026-01-02T15:04:05Z")
	}
	return t
}

// constantInput is an object in which only the tick's time is left open.
func (o object) constantInput() json.RawMessage {
	value, ok := o.get("input", optional)
	if !ok {
		return emptyObject
	}
	if value.kind != objectNode {
		o.refuse(value, fmt.Sprintf("input is a %s, not an object", value.kind), "write name: value pairs")
		return emptyObject
	}
	input := value.appendJSON(nil)
	if bytes.Contains(bytes.ReplaceAll(input, []byte(tickTime), nil), []byte("${")) {
		o.refuse(value, "input: only "+tickTime+" is computed", "compute the rest in the definition")
	}
	return input
}
