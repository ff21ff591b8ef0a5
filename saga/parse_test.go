package saga

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const tripSource = `saga: trip
version: 3
description: Book a trip, all or nothing.
input:
  type: object
  required: [customer, cents]
  properties: {customer: {type: string}, cents: {type: integer, minimum: 1}}
deadline: 3d
steps:
  - id: hotel
    participant: hotels
    action: book
    key: ${input.customer}
    args: {customer: "${input.customer}", nights: 3}
    undo: {action: cancel, timeout: 9s, retry: {attempts: 7}}
    timeout: 5s
    retry: {attempts: 3, backoff: 100ms, factor: 1.5, max: 10s, not: [system_closed]}
  - {id: pay, participant: cards, action: charge, args: {cents: "${input.cents}"}}
  - {id: ticket, kind: retriable, participant: desk, action: print, args: {hotel: "${results.hotel.room}"}}
  - {id: look, kind: read, participant: desk, action: show}
output: {room: "${results.hotel.room}"}
`

func parse(t testing.TB, source string) *Definition {
	t.Helper()
	d, err := Parse("trip.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestParse(t *testing.T) {
	d := parse(t, tripSource)
	if d.Name != "trip" || d.Version != 3 || d.Deadline != 72*time.Hour || d.Description == "" {
		t.Errorf("definition is %+v", d)
	}
	retry := RetryPolicy{Attempts: 3, Backoff: 100 * time.Millisecond, Factor: 1.5, Max: 10 * time.Second, Not: []string{"system_closed"}}
	undoRetry := retry
	undoRetry.Attempts = 7
	plain := RetryPolicy{Attempts: DefaultAttempts, Backoff: DefaultBackoff, Factor: DefaultFactor, Max: DefaultMaxWait}
	want := []StepDefinition{
		{ID: "hotel", Kind: Compensatable, Action: "book", Timeout: 5 * time.Second, Retry: retry,
			Undo: &UndoDefinition{Action: "cancel", Timeout: 9 * time.Second, Retry: undoRetry}},
		{ID: "pay", Kind: Pivot, Action: "charge", Timeout: DefaultTimeout, Retry: plain},
		{ID: "ticket", Kind: Retriable, Action: "print", Timeout: DefaultTimeout, Retry: plain},
		{ID: "look", Kind: Read, Action: "show", Timeout: DefaultTimeout, Retry: plain},
	}
	for i, s := range d.Steps {
		s.participant, s.key, s.args, s.After, s.after, s.below = nil, nil, nil, nil, nil, nil
		if diff := cmp.Diff(want[i], s, cmp.AllowUnexported(StepDefinition{})); diff != "" {
			t.Errorf("step %d (-want +got)\n%s", i, diff)
		}
	}
}

// Whatever a definition is written in, its source makes the same one again.
func TestSourceKeepsDigest(t *testing.T) {
	for _, d := range []*Definition{parse(t, tripSource), Transfer()} {
		again, err := ParseJSON(d.Source())
		if err != nil {
			t.Fatal(err)
		}
		if again.Digest() != d.Digest() || string(again.Source()) != string(d.Source()) {
			t.Errorf("%s: %s became %s", d.Name, d.Digest(), again.Digest())
		}
	}
	const numbers = "args: {a: [2.50, 1e3, -0, -0.0, 12345678901234567890, \"\\u0065\"], é: 1, z: 2}"
	d := parse(t, sagaOf(numbers))
	again := must(ParseJSON(d.Source()))
	before, after := must(d.Steps[0].Arguments(&Instance{}, "")), must(again.Steps[0].Arguments(&Instance{}, ""))
	if string(before) != string(after) {
		t.Errorf("arguments %s became %s", before, after)
	}
	const yaml = "steps: [{action: b, id: a, participant: p}]\nsaga: x"
	const spaced = `{"saga": "x", "steps": [ {"id":"a","participant":"p","action":"\u0062"} ]}`
	a, b := parse(t, yaml), must(Parse("x.json", []byte(spaced)))
	if a.Digest() != b.Digest() || !strings.HasPrefix(a.Digest(), "sha256:") || len(a.Digest()) != len("sha256:")+64 {
		t.Errorf("digests %s and %s", a.Digest(), b.Digest())
	}
	if c := parse(t, strings.Replace(yaml, "action: b", "action: c", 1)); c.Digest() == a.Digest() {
		t.Error("another action has the same digest")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestPlaces(t *testing.T) {
	const yaml = "saga: x\nsteps:\n  - {id: a, participant: p, action: a}\n  - id: b\n    participant: p.q\n    undo: u\n    colour: red\n"
	const json = "{\"saga\": \"x\", \"steps\": [\n  {\"id\": \"a\", \"participant\": \"p\",\n  \"action\": \"a.b\"}],\n \"colour\": 1}"
	for file, test := range map[string]struct{ source, want string }{
		"x.yaml": {yaml, "3:5 4:5 5:18 7:5"},
		"x.json": {json, "3:13 4:2"},
	} {
		_, err := Parse(file, []byte(test.source))
		var wrong *DefinitionError
		if !errors.As(err, &wrong) {
			t.Fatalf("%s: %v", file, err)
		}
		var places []string
		for _, p := range wrong.Problems {
			places = append(places, fmt.Sprintf("%d:%d", p.Line, p.Column))
		}
		if got := strings.Join(places, " "); got != test.want {
			t.Errorf("%s: places are %s, want %s\n%v", file, got, test.want, err)
		}
	}
}

// What YAML allows beside the ordinary.
func TestYAML(t *testing.T) {
	plain := parse(t, "saga: x\ndescription: \"5\"\nsteps: [{id: a, participant: p, action: a, retry: {backoff: 5m}}]")
	for name, source := range map[string]string{
		"byte order mark":  "\ufeff" + "saga: x\ndescription: '5'\nsteps: [{id: a, participant: p, action: a, retry: {backoff: 5m}}]",
		"CRLF":             "saga: x\r\ndescription: \"5\"\r\nsteps:\r\n  - {id: a, participant: p, action: a, retry: {backoff: 5m}}\r\n",
		"document markers": "%YAML 1.2\n---\nsaga: x\ndescription: |-\n  5\nsteps: [{id: a, participant: p, action: a, retry: {backoff: 5m}}]\n...\n",
		"anchors":          "saga: x\ndescription: '5'\nsteps: [{id: &a a, participant: p, action: *a, retry: {backoff: 5m}}]",
		"comments, quotes": "# a saga\n\"saga\": 'x' # its name\ndescription: '5'\nsteps: [{id: a, participant: p, action: a, retry: {backoff: 5m}}]",
	} {
		if d := parse(t, source); d.Digest() != plain.Digest() {
			t.Errorf("%s: %s, want %s", name, d.Source(), plain.Source())
		}
	}
	if retry := plain.Steps[0].Retry; retry.Max != 5*time.Minute {
		t.Errorf("the longest wait is %s, less than the first", retry.Max)
	}
}

func TestKindIsFound(t *testing.T) {
	const c, none, retriable, read = "undo: u", "timeout: 1s", "kind: retriable", "kind: read"
	for _, test := range []struct {
		steps []string
		want  string
	}{
		{[]string{none}, "pivot"},
		{[]string{c}, "compensatable"},
		{[]string{c, none}, "compensatable pivot"},
		{[]string{c, none, retriable, read}, "compensatable pivot retriable read"},
		{[]string{read, c, read, none}, "read compensatable read pivot"},
		{[]string{c, c}, "compensatable compensatable"},
		{[]string{read, read}, "read read"},
		{[]string{c, "kind: pivot", retriable}, "compensatable pivot retriable"},
	} {
		var kinds []string
		for _, s := range parse(t, sagaOf(test.steps...)).Steps {
			kinds = append(kinds, string(s.Kind))
		}
		if got := strings.Join(kinds, " "); got != test.want {
			t.Errorf("%v: %s, want %s", test.steps, got, test.want)
		}
	}
}

// sagaOf writes a saga whose steps a, b, ... have these fields beside the required ones.
func sagaOf(steps ...string) string {
	var b strings.Builder
	b.WriteString("saga: x\nsteps:\n")
	for i, fields := range steps {
		fmt.Fprintf(&b, "  - {id: %c, participant: p, action: a, %s}\n", 'a'+i, fields)
	}
	return b.String()
}

// stepsOf writes a saga of these steps.
func stepsOf(steps ...string) string {
	return "saga: x\nsteps:\n  - " + strings.Join(steps, "\n  - ") + "\n"
}

// definitionErrors are files with something wrong in them; testdata/definition_errors.golden
// shows what is said about each.
var definitionErrors = []struct{ name, source string }{
	{"empty", ""},
	{"not an object", "- a"},
	{"syntax", "saga: x\nsteps: [1"},
	{"expression without quotes", "saga: x\nsteps:\n  - {id: a, key: ${input.b}}"},
	{"tab", "saga: x\n\tversion: 1"},
	{"not UTF-8", "saga: \xff"},
	{"two documents", sagaOf("undo: u") + "---\nsaga: y\n"},
	{"duplicate key", "saga: x\nsaga: y\n"},
	{"number key", "saga: x\n1: y\n"},
	{"unknown alias", "saga: *x"},
	{"merge key", "saga: x\n<<: {a: 1}"},
	{"tag", "saga: !!str x"},
	{"infinity", "saga: .inf"},
	{"numbers of YAML", "saga: x\nversion: 0x1F"},
	{"too deep", "saga: " + strings.Repeat("[", MaxDepth+1)},
	{"too deep by indentation", "saga: x\n" + indented(MaxDepth+1)},
	{"too large", "saga: x\n#" + strings.Repeat("x", MaxDefinition)},
	{"too large as JSON", "description: \"" + strings.Repeat(`\x01`, MaxDefinition/5) + "\"\n" + sagaOf("undo: u")},
	{"aliases too deep", "saga: x\na: &a " + strings.Repeat("[", 20) + strings.Repeat("]", 20) + "\nb: " + strings.Repeat("[", 20) + "*a" + strings.Repeat("]", 20)},
	{"alias bomb", aliasBomb()},
	{"nothing but a name", "saga: x"},
	{"all fields wrong", "saga: 1\nversion: 0\ndescription: [x]\ninput: 5\ndeadline: 30\nsteps: {}\noutput: [1]\ncolour: red"},
	{"name", "saga: my.saga\nsteps: [{id: a, participant: p, action: a}]"},
	{"no steps", "saga: x\nsteps: []"},
	{"too many steps", "saga: x\nsteps: [" + strings.Repeat("1,", MaxSteps) + "1]"},
	{"step is a text", "saga: x\nsteps: [hello]"},
	{"empty step", "saga: x\nsteps: [{}]"},
	{"step tokens", "saga: x\nsteps: [{id: a b, participant: p.q, action: a/c}]"},
	{"same id", "saga: x\nsteps:\n  - {id: a, participant: p, action: a, undo: u}\n  - {id: a, participant: p, action: a}"},
	{"kind", sagaOf("kind: magic", "kind: retriable")},
	{"after", stepsOf("{id: a, participant: p, action: a, undo: u, after: b}", "{id: b, participant: p, action: a, undo: u, after: [c, nobody, 5, b]}", "{id: c, participant: p, action: a, undo: u}")},
	{"two forms", stepsOf("{id: a, participant: p, action: a, sleep: 3h}", "{id: b, await: {signal: x}, run: {saga: y}}")},
	{"fields that do not go together", stepsOf("{id: a, sleep: 3h, participant: p, undo: u, each: \"${input.l}\"}", "{id: b, await: {signal: x}, kind: read, timeout: 5s}",
		"{id: c, run: {saga: y}, kind: compensatable, undo: u, args: {}}", "{id: d, participant: p, action: a, undo: u, confirm: c, expires: 5m}", "{id: e, participant: p, try: t, confirm: c, cancel: u, undo: u, each: \"${input.l}\"}")},
	{"a hold without its other actions", stepsOf("{id: a, participant: p, try: t}")},
	{"a hold's fields", stepsOf("{id: a, participant: p, try: t, confirm: {action: c, more: 1}, cancel: 5, expires: 0s}")},
	{"a hold that is compensatable", stepsOf("{id: a, kind: compensatable, participant: p, try: t, confirm: c, cancel: u}", "{id: b, kind: read, participant: p, try: t, confirm: c, cancel: u}")},
	{"a retriable confirm without a pivot", stepsOf("{id: a, kind: retriable, participant: p, try: t, confirm: c, cancel: u}")},
	{"a hold behind the pivot", stepsOf("{id: a, kind: pivot, participant: p, action: a}", "{id: b, participant: p, try: t, confirm: c, cancel: u}")},
	{"a second pivot beside a hold", stepsOf("{id: a, kind: pivot, participant: p, try: t, confirm: c, cancel: u}", "{id: b, kind: pivot, participant: p, action: a}")},
	{"a step without undo before a hold's confirm", stepsOf("{id: a, participant: p, action: a}", "{id: b, kind: pivot, participant: p, try: t, confirm: c, cancel: u}", "{id: c, kind: retriable, participant: p, action: a}", "{id: d, participant: p, action: a}")},
	{"await", stepsOf("{id: a, await: go}", "{id: b, await: {}}", "{id: c, await: {signal: a b, reject: c.d, on_timeout: reject}}", "{id: d, await: {signal: x, timeout: 1s, on_timeout: perhaps}}",
		"{id: e, await: {signal: \"${item}\", timeout: 5, more: 1}}")},
	{"an await that rejects behind the pivot", stepsOf("{id: a, kind: pivot, participant: p, action: a}", "{id: b, await: {signal: x, timeout: 1s}}", "{id: c, await: {signal: x, reject: y}}")},
	{"an await that rejects beside the pivot", stepsOf("{id: a, kind: pivot, participant: p, action: a}", "{id: b, after: [], await: {signal: x, timeout: 1s}}")},
	{"sleep", stepsOf("{id: a, sleep: soon}", "{id: b, sleep: 5}", "{id: c, sleep: \"${now()}\"}")},
	{"run", stepsOf("{id: a, run: y}", "{id: b, run: {}}", "{id: c, run: {saga: a.b, version: 0, input: [1], more: 1}}")},
	{"the kind of a run", stepsOf("{id: a, kind: read, run: {saga: y}}", "{id: b, run: {saga: y}}", "{id: c, kind: pivot, run: {saga: y}}", "{id: d, run: {saga: y}}")},
	{"a run that nothing can undo", stepsOf("{id: a, run: {saga: y}}", "{id: b, participant: p, action: a, undo: u}")},
	{"each on a pivot", stepsOf("{id: a, kind: pivot, participant: p, action: a, each: \"${input.l}\"}")},
	{"each and when", stepsOf("{id: a, participant: p, action: a, undo: u, each: [1, 2], when: true}", "{id: b, participant: p, action: a, undo: u, each: \"a ${input.l}\", when: \"not ${input.l}\", parallel: 0}",
		"{id: c, participant: p, action: a, undo: u, each: \"${item.l}\", parallel: 1001}", "{id: d, participant: p, action: a, undo: u, parallel: 3, when: \"${item.on}\"}", "{id: e, participant: p, action: a, undo: u, when: \"${results.f}\"}", "{id: f, participant: p, action: a}")},
	{"results of a step beside", stepsOf("{id: a, participant: p, action: a, undo: u}", "{id: b, after: [], participant: p, action: a, undo: u, args: {x: \"${results.a}\"}}")},
	{"a retriable step that does not wait for the pivot", stepsOf("{id: a, kind: pivot, participant: p, action: a}", "{id: b, kind: retriable, after: [], participant: p, action: a}")},
	{"a refusable step that the pivot does not wait for", stepsOf("{id: a, participant: p, action: a, undo: u}", "{id: b, kind: pivot, after: [], participant: p, action: a}", "{id: c, kind: read, after: [], participant: p, action: a}")},
	{"two pivots", sagaOf("kind: pivot", "kind: pivot")},
	{"neither kind nor undo before a pivot", sagaOf("timeout: 1s", "kind: pivot")},
	{"neither kind nor undo after a pivot", sagaOf("kind: pivot", "timeout: 1s")},
	{"last refusable step can be undone, an earlier one cannot", sagaOf("timeout: 1s", "undo: u", "kind: read")},
	{"two steps without undo", sagaOf("timeout: 1s", "timeout: 1s")},
	{"compensatable after pivot", sagaOf("kind: pivot", "undo: u")},
	{"compensatable without undo", sagaOf("kind: compensatable")},
	{"retriable without pivot", sagaOf("undo: u", "kind: retriable")},
	{"retriable before pivot", sagaOf("kind: retriable", "kind: pivot")},
	{"undo of a pivot", sagaOf("kind: pivot, undo: u")},
	{"undo of a retriable", sagaOf("kind: pivot", "kind: retriable, undo: u")},
	{"undo of a read", sagaOf("kind: read, undo: u")},
	{"undo", sagaOf("undo: {timeout: 1s, attempts: 3}")},
	{"undo token", sagaOf("undo: {action: a.b}")},
	{"undo is a number", sagaOf("undo: 5")},
	{"timeouts", sagaOf("undo: u, timeout: 30", "undo: u, timeout: 5 minutes", "undo: u, timeout: 0s", "undo: u, timeout: -1s", "undo: u, timeout: 1us", "undo: u, timeout: 200000d", "undo: u, timeout: 106751d24h")},
	{"retry", sagaOf("retry: {attempts: 0, backoff: x, factor: 0.5, max: 1, not: x, more: 1}")},
	{"retry bounds", sagaOf("retry: {attempts: 1001, factor: 11, backoff: 10s, max: 5s, not: [a b, 1]}")},
	{"retry is a number", sagaOf("retry: 5")},
	{"number too large", sagaOf("args: {a: [1e999]}")},
	{"key", sagaOf("undo: u, key: 5", "undo: u, key: \"\"", "key: "+strings.Repeat("x", MaxKey+1))},
	{"args", sagaOf("undo: u, args: [1]", "undo: u, args: text", "args: 5")},
	{"expressions", sagaOf(
		`undo: u, key: "${input.a"`, `undo: u, key: "${}"`, `undo: u, key: "${input.a +}"`, `undo: u, key: "${customer}"`,
		`undo: u, args: {deep: [{x: "a ${now()} b"}], y: "${foo()}"}`,
		`undo: u, key: "${item.id}"`, `undo: u, key: "${saga.name}"`, `undo: u, key: "${saga}"`, `undo: u, key: "${results}"`,
		`undo: u, key: "${get(results, \"a\")}"`, `undo: u, key: "${$env}"`, `undo: u, key: "${keys(input)}"`, `undo: u, key: "${1 + 'a'}"`,
		`undo: u, key: "${`+strings.Repeat("1+", MaxExpression)+`1}"`)},
	{"expression of a participant", "saga: x\nsteps: [{id: a, participant: \"${inputs.bank}\", action: a}]"},
	{"results", sagaOf(`undo: u, key: "${results.b.x}"`, `undo: u, key: "${results.b}"`, `undo: u, key: "${results.nobody.x}"`, `key: "${results[\"a\"].x + results.d.y}"`)},
	{"results in the output", sagaOf("undo: u") + "output: {x: \"${results.nobody}\"}\n"},
	{"schema", "saga: x\ninput:\n  type: objekt\n  properties:\n    a: {minLength: -1}\n    b: {pattern: \"(\"}\nsteps: [{id: a, participant: p, action: a}]"},
	{"schema from elsewhere", "saga: x\ninput: {$ref: \"http://example.com/schema\"}\nsteps: [{id: a, participant: p, action: a}]"},
	{"schema from a file", "saga: x\ninput: {$ref: other.json}\nsteps: [{id: a, participant: p, action: a}]"},
	{"schema without its definition", "saga: x\ninput: {$ref: \"#/$defs/a\"}\nsteps: [{id: a, participant: p, action: a}]"},
}

func indented(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func aliasBomb() string {
	bomb := "saga: x\na: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s*%c]\n", c, c, strings.Repeat(fmt.Sprintf("*%c,", c-1), 9), c-1)
	}
	return bomb
}

func TestDefinitionErrors(t *testing.T) {
	var b strings.Builder
	for _, test := range definitionErrors {
		_, err := Parse("x.yaml", []byte(test.source))
		var wrong *DefinitionError
		if !errors.As(err, &wrong) {
			t.Errorf("%s: error is %v", test.name, err)
			continue
		}
		fmt.Fprintf(&b, "# %s\n%s\n\n", test.name, err)
		for _, p := range wrong.Problems {
			if p.What == "" || p.File != "x.yaml" {
				t.Errorf("%s: problem is %+v", test.name, p)
			}
		}
	}
	b.WriteString("# warnings\n")
	for _, warning := range parse(t, stepsOf("{id: a, participant: p, action: credit, undo: u}", "{id: b, participant: p, action: b}")).Warnings {
		b.WriteString(warning + "\n")
	}
	checkGolden(t, "definition_errors.golden", b.String())
}

// Whatever is accepted can be stored and read again as the same definition.
func FuzzParse(f *testing.F) {
	f.Add(tripSource)
	f.Add(transferSource)
	for _, test := range definitionErrors {
		f.Add(test.source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		for _, file := range []string{"x.yaml", "x.json"} {
			d, err := Parse(file, []byte(source))
			if err != nil {
				var wrong *DefinitionError
				if !errors.As(err, &wrong) || len(wrong.Problems) == 0 {
					t.Fatalf("error is %v", err)
				}
				continue
			}
			again, err := ParseJSON(d.Source())
			if err != nil {
				t.Fatalf("its own source is refused: %v\n%s", err, d.Source())
			}
			if again.Digest() != d.Digest() {
				t.Fatalf("%s\nbecame\n%s", d.Source(), again.Source())
			}
			d.CheckInput([]byte(`{"a":1}`))
			for i := range d.Steps {
				d.Steps[i].Arguments(&Instance{ID: "x", Input: []byte(`{"a":1}`)}, d.Steps[i].ID)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		must(Parse("trip.yaml", []byte(tripSource)))
	}
}
