package saga

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestDocument shows what a person reads of a saga at every turn, and two documents as they go
// over the wire.
func TestDocument(t *testing.T) {
	def := tourDefinition(t)
	var b strings.Builder
	for _, s := range situations[1:] {
		in := along(t, def, s.path)
		doc := Describe(def, &in)
		cause, err := json.Marshal(doc.Cause)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n  %s %s\n  %s\n", s.name, doc.State, cause, doc.Waiting)
		if s.name != "undo of a success exhausted" && s.name != "completed" {
			continue
		}
		body, err := json.MarshalIndent(doc, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(body, '\n'))
	}
	checkGolden(t, "documents.golden", b.String())
}

// What programs rely on: every field is there in every state, with null where there is nothing.
func TestDocumentHasEveryField(t *testing.T) {
	def := tourDefinition(t)
	for _, s := range situations[1:] {
		in := along(t, def, s.path)
		body, err := json.Marshal(Describe(def, &in))
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]json.RawMessage
		if err := json.Unmarshal(body, &doc); err != nil {
			t.Fatal(err)
		}
		for _, field := range strings.Fields("id type version state waiting cause input output steps created updated finished deadline") {
			if _, there := doc[field]; !there {
				t.Errorf("%s: no field %s", s.name, field)
			}
		}
		if finished := string(doc["finished"]) != "null"; finished != in.State.Terminal() {
			t.Errorf("%s: finished is %s in state %s", s.name, doc["finished"], in.State)
		}
		if waits := string(doc["waiting"]) != `""`; waits == in.State.Terminal() {
			t.Errorf("%s: waiting is %s in state %s", s.name, doc["waiting"], in.State)
		}
		if why := string(doc["cause"]) != "null"; !why && (in.State == Suspended || in.State == Compensated) {
			t.Errorf("%s: no cause in state %s", s.name, in.State)
		}
	}
}

// Times keep their microseconds, in UTC, also over a round trip.
func TestDocumentTime(t *testing.T) {
	at := Time{testStart.Add(678901234)}
	body, err := json.Marshal(at)
	if err != nil || string(body) != `"2026-01-02T03:04:05.678901Z"` {
		t.Fatalf("%s, %v", body, err)
	}
	var back Time
	if err := json.Unmarshal(body, &back); err != nil || !back.Equal(at.Truncate(1000)) {
		t.Errorf("%v, %v", back, err)
	}
}
