package saga

// Each event writes its saga twice, as a row and as a document. Both are appended field by field:
// encoding/json takes three times as long. Tests hold that it writes the same.

// AppendJSON appends the document as [json.Marshal] writes it. The error is that of a body that is not JSON.
func (d *Document) AppendJSON(b []byte) ([]byte, error) {
	m := members{b: append(b, '{')}
	m.text("id", d.ID)
	m.text("type", d.Type)
	m.number("version", d.Version)
	m.text("state", string(d.State))
	m.text("waiting", d.Waiting)
	if d.Cause == nil {
		m.null("cause")
	} else {
		m.value("cause", d.Cause)
	}
	m.raw("input", d.Input)
	m.raw("output", d.Output)
	m.steps(d.Steps)
	m.moment("created", &d.Created)
	m.moment("updated", &d.Updated)
	m.moment("finished", d.Finished)
	m.moment("deadline", d.Deadline)
	if d.StartAt != nil {
		m.moment("start_at", d.StartAt)
	}
	if d.Parent != nil {
		m.value("parent", d.Parent)
	}
	if len(d.Signals) > 0 {
		m.value("signals", d.Signals)
	}
	m.flag("archived", d.Archived)
	return append(m.b, '}'), m.err
}

func (m *members) steps(steps []StepDocument) {
	if steps == nil {
		m.null("steps")
		return
	}
	m.name("steps")
	m.b = append(m.b, '[')
	for i := range steps {
		m.open()
		m.step(&steps[i])
		m.b = append(m.b, '}')
	}
	m.b = append(m.b, ']')
}

func (m *members) step(s *StepDocument) {
	m.text("id", s.ID)
	m.text("participant", s.Participant)
	m.text("action", s.Action)
	m.text("key", s.Key)
	m.text("state", string(s.State))
	m.number("attempts", s.Attempts)
	m.someNumber("undo_attempts", s.Undos)
	m.raw("result", s.Result)
	m.someText("saga", s.Saga)
	if s.Until != nil {
		m.moment("until", s.Until)
	}
	m.someText("by_hand", s.ByHand)
	m.flag("open", s.Open)
	if s.Error != nil {
		m.value("error", s.Error)
	}
}

// AppendJSON appends what of the instance has no column of its own, as [json.Marshal] writes it. The error is
// that of a body that is not JSON.
func (in *Instance) AppendJSON(b []byte) ([]byte, error) {
	m := members{b: append(b, '{')}
	m.someText("digest", in.Digest)
	m.someText("trace", in.Trace)
	m.someRaw("output", in.Output)
	m.someText("resume", string(in.Resume))
	for _, c := range [...]struct {
		name  string
		cause *Cause
	}{{"cause", in.Cause}, {"trouble", in.Trouble}, {"remembered", in.Remembered}} {
		if c.cause != nil {
			m.value(c.name, c.cause)
		}
	}
	m.someTime("overdue", in.Overdue)
	if in.Steps == nil {
		m.null("steps")
	} else {
		m.name("steps")
		m.b = append(m.b, '[')
		for i := range in.Steps {
			m.open()
			m.stored(&in.Steps[i])
			m.b = append(m.b, '}')
		}
		m.b = append(m.b, ']')
	}
	if len(in.Signals) > 0 {
		m.value("signals", in.Signals)
	}
	if in.Parent != nil {
		m.value("parent", in.Parent)
	}
	m.someTime("start", in.Start)
	return append(m.b, '}'), m.err
}

func (m *members) stored(s *Step) {
	m.text("id", s.ID)
	m.someNumber("run", s.Run)
	m.text("state", string(s.State))
	m.someText("to", s.Participant)
	m.someText("key", s.Key)
	m.someNumber("n", s.Attempts)
	m.someNumber("inquiries", s.Inquiries)
	m.someNumber("undos", s.Undos)
	m.someNumber("closings", s.Closings)
	m.someNumber("refusals", s.Refusals)
	m.someText("known", string(s.Known))
	m.someRaw("result", s.Result)
	m.someTime("since", s.Since)
	m.someTime("until", s.Until)
	m.someTime("expires", s.Expires)
	m.someText("child", s.Child)
	if s.Wish != nil {
		m.value("wish", s.Wish)
	}
	m.flag("open", s.Open)
	m.someText("by_hand", s.ByHand)
	m.someText("trouble", string(s.Trouble))
	m.someText("code", s.Code)
	m.someText("message", s.Message)
}
