package docs_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/girohq/giro/saga"
)

const protocol = "protocol.md"

// TestBarrierTableOfThePage reads the table of the page cell by cell and asks the barrier.
func TestBarrierTableOfThePage(t *testing.T) {
	rows := table(t, "| arrives |")
	if len(rows) != len(arrivals) {
		t.Fatalf("the table has %d rows, there are %d arrivals", len(rows), len(arrivals))
	}
	for _, row := range rows {
		a, known := arrivals[row[0]]
		if !known {
			t.Errorf("no arrival is called %q", row[0])
			continue
		}
		for i, states := range columns {
			var says []string
			for _, state := range states {
				if said := verdict(state, a); !slices.Contains(says, said) {
					says = append(says, said)
				}
			}
			if want, got := strings.Join(says, ", or "), row[i+1]; got != want {
				t.Errorf("%s, column %d: the page says %q, the barrier does %q", row[0], i+1, got, want)
			}
		}
	}
}

var arrivals = map[string]saga.Arrival{
	"forward":             {Direction: saga.Forward},
	"forward, late":       {Direction: saga.Forward, Late: true},
	"backward, unknown":   {Direction: saga.Backward, Known: saga.KnownUnknown},
	"backward, succeeded": {Direction: saga.Backward, Known: saga.KnownSucceeded},
	"inquire":             {Direction: saga.Inquire},
	"close":               {Direction: saga.Close},
}

// columns are the rows that a command can meet, as the table's columns have them.
var columns = func() [][]saga.Row {
	forward, undo := saga.Record{Outcome: saga.Succeeded, Code: "forward"}, saga.Record{Outcome: saga.Succeeded, Code: "undo"}
	refusal := saga.Record{Outcome: saga.Rejected, Code: "forward"}
	succeeded, rejected := saga.Row{}.Ran(forward), saga.Row{}.Ran(refusal)
	closed := succeeded
	closed.State = saga.RowClosed
	return [][]saga.Row{
		{{}}, {succeeded}, {rejected}, {{State: saga.RowFenced}},
		{succeeded.RanUndo(undo), rejected.RanUndo(undo)}, {closed, {State: saga.RowClosed}},
	}
}()

// verdict says in the page's words what the barrier does.
func verdict(row saga.Row, a saga.Arrival) string {
	next, v, rec := saga.Arrive(row, a)
	answer := fmt.Sprintf("`%s`", rec.Outcome)
	switch {
	case v == saga.Run:
		return "run the handler"
	case v == saga.RunUndo:
		return "run the undo"
	case next.State != row.State:
		return fmt.Sprintf("record `%s`: %s", next.State, answer)
	case rec.Code == "forward" || rec.Code == "undo":
		return rec.Code + "'s reply"
	}
	return answer
}

// TestConfirmTableOfThePage asks what the page says a confirm gets in each state of its try.
func TestConfirmTableOfThePage(t *testing.T) {
	told := make(map[saga.RowState]string)
	for _, row := range table(t, "| the try's row |") {
		for _, state := range strings.Split(row[0], ", ") {
			state = strings.Trim(strings.TrimPrefix(state, "none"), "`")
			told[saga.RowState(state)] = row[1]
		}
	}
	for _, state := range []saga.RowState{saga.RowNone, saga.RowSucceeded, saga.RowRejected, saga.RowFenced, saga.RowUndone, saga.RowClosed} {
		want := "run the handler"
		if rec, ok := saga.CheckTry(saga.Row{State: state}, ""); !ok {
			want = fmt.Sprintf("`%s`, code `%s`; nothing is run, nothing is written", rec.Outcome, rec.Code)
		}
		if told[state] != want {
			t.Errorf("after %q: the page says %q, the barrier does %q", state, told[state], want)
		}
	}
}

// TestProtocolNamesEverything finds each header, exit code and outcome of the code on the page.
func TestProtocolNamesEverything(t *testing.T) {
	page := read(t, protocol)
	for _, from := range []struct{ file, pattern, shown string }{
		{"../internal/wire/headers.go", `= "(Saga-[A-Za-z-]+)"`, "`%s`"},
		{"../internal/wire/names.go", `n\.streams \+ "(_[A-Z]+)"`, "`SAGA%s`"},
		{"../internal/wire/problem.go", `Code\w+ += "(\w+)"`, "| `%s` |"},
		{"../cmd/giro/exit.go", `exit[A-Z]\w+ += (\d+)`, "| %s |"},
		{"../saga/command.go", `(?:Direction|Known|Expiry|Outcome) = "(\w+)"`, "`%s`"},
		{"../participants/ledger/errors.go", `Code(?:Already\w+|Expired|NoSuchHold) += "(\w+)"`, "`%s`"},
		{"../saga/instance.go", `(?:State|StepState|CauseKind) = "(\w+)"`, "`%s`"},
		{"../saga/effect.go", `Event\w+ += "(\w+)"`, "`%s`"},
	} {
		names := regexp.MustCompile(from.pattern).FindAllStringSubmatch(read(t, from.file), -1)
		if len(names) == 0 {
			t.Errorf("%s: nothing looks like %s", from.file, from.pattern)
		}
		for _, name := range names {
			if shown := fmt.Sprintf(from.shown, name[1]); !strings.Contains(page, shown) {
				t.Errorf("%s does not tell %s of %s", protocol, shown, from.file)
			}
		}
	}
}

// table returns the cells of the rows below a heading that begins like this.
func table(t *testing.T, heading string) (rows [][]string) {
	t.Helper()
	_, below, found := strings.Cut(read(t, protocol), "\n"+heading)
	if !found {
		t.Fatalf("%s has no table %s", protocol, heading)
	}
	for _, line := range strings.Split(below, "\n")[2:] {
		if !strings.HasPrefix(line, "|") {
			return rows
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		rows = append(rows, cells)
	}
	return rows
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
