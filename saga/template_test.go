package saga

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// tripInstance has passed its first step.
func tripInstance() *Instance {
	return &Instance{
		ID: "T-1", Type: "trip",
		Input: json.RawMessage(`{"before":["{[{[\"",{"a":"{"}],"customer":"c-7","cents":9007199254740993,"ratio":1.0,"memo":null,"vip":true,
			"o2":"0123456789012345678901234567890",
			"rows":[{"n":1,"a b":"x"},{"n":2}],"max":9223372036854775807,"big":9223372036854775808,"o":{"z":1,"a":2}}`),
		Steps: []Step{
			{ID: "hotel", State: StepSucceeded, Result: json.RawMessage(`{"room":"12","price":5000}`)},
			{ID: "my-step", State: StepSucceeded, Result: json.RawMessage(`{"ok":true}`)},
			{ID: "none", State: StepSkipped},
			{ID: "bad", State: StepSucceeded, Result: json.RawMessage(`{"a":`)},
		},
	}
}

var tripView = view{before: []string{"hotel", "my-step", "none", "bad"}, steps: []string{"hotel", "my-step", "none", "bad", "pay"}}

// renderText computes a text as a JSON value and as a string.
func renderText(t *testing.T, source string) (asJSON, asText string) {
	t.Helper()
	compiled, err := compileText(source, tripView)
	if err != nil {
		return "refused: " + err.Error(), ""
	}
	body, err := compiled.appendJSON(nil, newScope(tripInstance()), MaxDepth)
	if asJSON = string(body); err != nil {
		asJSON = err.Error()
	}
	asText, err = compiled.render(newScope(tripInstance()))
	if err != nil {
		asText = err.Error()
	}
	return asJSON, asText
}

func TestText(t *testing.T) {
	const noText = ": it is a list or an object, but a text is needed here"
	const noValue = `: it has no value (if that may be, say what it is then: ${... ?? "none"})`
	for _, test := range []struct{ source, json, text string }{
		{"plain", `"plain"`, "plain"},
		{"", `""`, ""},
		{"$5 {x}", `"$5 {x}"`, "$5 {x}"},
		// one expression keeps its type, text around it makes a string
		{"${input.customer}", `"c-7"`, "c-7"},
		{"<${input.customer}>", `"<c-7>"`, "<c-7>"},
		{"${input.cents}", "9007199254740993", "9007199254740993"},
		{"${input.cents}${input.vip}", `"9007199254740993true"`, "9007199254740993true"},
		{"${input.ratio}", "1", "1"},
		{"${input.vip}", "true", "true"},
		{"${input.big}", "9223372036854775808", "9223372036854775808"},
		{"${input.o}", `{"a":2,"z":1}`, "${input.o}" + noText},
		{"${input.rows}", `[{"a b":"x","n":1},{"n":2}]`, "${input.rows}" + noText},
		{"a ${input.o}", "${input.o}" + noText, "${input.o}" + noText},
		{"${input.memo}", "null", "${input.memo}: it is null, but a text is needed here"},
		{"${saga.id}/${saga.type}", `"T-1/trip"`, "T-1/trip"},
		{"${saga.id}", `"T-1"`, "T-1"},
		// paths
		{"${results.hotel.room}", `"12"`, "12"},
		{`${results["my-step"].ok}`, "true", "true"},
		{`${input.rows[0]["a b"]}`, `"x"`, "x"},
		{"${input.rows[1].n}", "2", "2"},
		{"${input.nobody}", `${input.nobody}: input has no "nobody"`, `${input.nobody}: input has no "nobody"`},
		{"${input.rows[2].n}", `${input.rows[2].n}: input.rows has no [2]`, `${input.rows[2].n}: input.rows has no [2]`},
		{`${input.rows[1]["a b"].c}`, `${input.rows[1]["a b"].c}: input.rows[1] has no "a b"`, `${input.rows[1]["a b"].c}: input.rows[1] has no "a b"`},
		{"${input.customer.x}", `${input.customer.x}: input.customer has no "x"`, `${input.customer.x}: input.customer has no "x"`},
		{"${results.hotel.view.sea}", `${results.hotel.view.sea}: results.hotel has no "view"`, `${results.hotel.view.sea}: results.hotel has no "view"`},
		{"${results.none.a}", `${results.none.a}: step "none" was skipped and has no result (say what it is then: ${... ?? "none"})`,
			`${results.none.a}: step "none" was skipped and has no result (say what it is then: ${... ?? "none"})`},
		{"${results.bad.a}", `${results.bad.a}: the result of step "bad": line 1, column 6 (/a): the JSON ends too early`, `${results.bad.a}: the result of step "bad": line 1, column 6 (/a): the JSON ends too early`},
		{"${saga.id.x}", "${saga.id.x}: saga.id has no members", "${saga.id.x}: saga.id has no members"},
		// computed
		{"${input.cents + 1}", "9007199254740994", "9007199254740994"},
		{"${input.cents - 1}", "9007199254740992", "9007199254740992"},
		{"${results.hotel.price * 2}", "10000", "10000"},
		{"${input.max + 1}", "${input.max + 1}: the number is too large to be exact", "${input.max + 1}: the number is too large to be exact"},
		{`${"a" + input.customer}`, `"ac-7"`, "ac-7"},
		{"${sum(input.rows, .n)}", "3", "3"},
		{"${map(input.rows, .n + 1)}", "[2,3]", "${map(input.rows, .n + 1)}" + noText},
		{"${input.rows[-1].n}", "2", "2"},
		{"${input.nobody?.[0]}", "null", "${input.nobody?.[0]}: it is null, but a text is needed here"},
		{"${input.nobody ?? input.other}", "null", "${input.nobody ?? input.other}: it is null, but a text is needed here"},
		{"${`\\` + '}'}", `"\\}"`, `\}`},
		{"${1..3}", "[1,2,3]", "${1..3}" + noText},
		{`${"}{" + '}' + ` + "`}`" + ` + "\"}"}`, `"}{}}\"}"`, `}{}}"}`},
		{"${{a: {b: 1}}}", `{"a":{"b":1}}`, "${{a: {b: 1}}}" + noText},
		{"${5 / 0}", "${5 / 0}: the number is not finite", "${5 / 0}: the number is not finite"},
		{"${input.nobody + 1}", "${input.nobody + 1}: invalid operation: <nil> + int (at character 14)", "${input.nobody + 1}: invalid operation: <nil> + int (at character 14)"},
		{"${input.a.b ? 1 : 2}", "${input.a.b ? 1 : 2}: cannot fetch b from <nil> (at character 9)", "${input.a.b ? 1 : 2}: cannot fetch b from <nil> (at character 9)"},
		// without a value
		{"${(input.rows)[1].x}", `${(input.rows)[1].x}: input.rows[1] has no "x"`, `${(input.rows)[1].x}: input.rows[1] has no "x"`},
		{"${last(input.rows).x}", "${last(input.rows).x}" + noValue, "${last(input.rows).x}" + noValue},
		{"${input?.nobody}", "null", "${input?.nobody}: it is null, but a text is needed here"},
		{`${input.nobody ?? "x"}`, `"x"`, "x"},
		{"${results?.none?.a}", "null", "${results?.none?.a}: it is null, but a text is needed here"},
		{"${input.vip ? nil : 1}", "null", "${input.vip ? nil : 1}: it is null, but a text is needed here"},
	} {
		asJSON, asText := renderText(t, test.source)
		if asJSON != test.json {
			t.Errorf("%s: JSON is\n%s, want\n%s", test.source, asJSON, test.json)
		}
		if asText != test.text && !strings.HasPrefix(test.json, "refused") {
			t.Errorf("%s: text is\n%s, want\n%s", test.source, asText, test.text)
		}
	}
}

// No function that expressions can call depends on anything but its arguments.
func TestFunctionsAreDeterministic(t *testing.T) {
	for _, source := range []string{"now()", "date('2024-01-02')", "timezone('UTC')", "duration('1s')", "keys(input)", "values(input)",
		"toPairs(input)", "fromJSON('1')", "toJSON(input)", "groupBy(input.rows, .n)", "random()", "reduce(input.rows, #)", "repeat('x', 9)", "replace('x', '', 'y')", "concat([1], [2])"} {
		if _, err := compileExpression(source, tripView); err == nil {
			t.Errorf("%s can be called", source)
		}
	}
}

func TestExactArithmetic(t *testing.T) {
	const overflow = "overflow"
	for source, want := range map[string]string{
		"9223372036854775807 + 0":         "9223372036854775807",
		"9223372036854775807 + 1":         overflow,
		"-9223372036854775807 - 1":        "-9223372036854775808",
		"-9223372036854775807 - 2":        overflow,
		"-9223372036854775807 + -2":       overflow,
		"0 - 9223372036854775807":         "-9223372036854775807",
		"3037000500 * 3037000500":         overflow,
		"3037000499 * 3037000499":         "9223372030926249001",
		"(-9223372036854775807 - 1) * -1": overflow,
		"-1 * (-9223372036854775807 - 1)": overflow,
		"4294967296 * 4294967297":         overflow,
		"-3 * 5":                          "-15",
		"0 * 9223372036854775807":         "0",
		"sum([9223372036854775807, 1])":   overflow,
		"sum([9007199254740993, 1])":      "9007199254740994",
		"sum([1, 2.5])":                   "3.5",
		"sum([])":                         "0",
		"sum(input.rows, .n * 10)":        "30",
		"int(1e19)":                       overflow,
		"int(-1e19)":                      overflow,
		"int(0.0 / 0)":                    overflow,
		"int(2.9)":                        "2",
		"int(7)":                          "7",
		`int("12")`:                       "12",
		`int("12.5")`:                     "int(12.5): not a whole number",
		"int(input.rows)":                 "int([map[a b:x n:1] map[n:2]]): not a whole number",
		"1.5 + 1":                         "2.5",
		"10 / 4":                          "2.5",
		"10 % 4":                          "2",
	} {
		got, _ := renderText(t, "${"+source+"}")
		if want == overflow {
			want = errOverflow.Error()
		}
		if got != want && !strings.HasSuffix(got, ": "+want) {
			t.Errorf("%s is %s, want %s", source, got, want)
		}
	}
}

// No input makes an expression slow, or its value huge.
func TestExpressionsAreBounded(t *testing.T) {
	const long = `join(map(1..9999, input.o2), "")`
	for source, want := range map[string]string{
		"count(1..10000, true)":          "10000",
		"count(1..10001, true)":          errTooManyIterations.Error(),
		"all(1..101, all(1..100, true))": errTooManyIterations.Error(),
		"sum(map(1..5000, #), #)":        "12502500",
		"sum(map(1..5001, #), #)":        errTooManyIterations.Error(),
		"len(" + long + ")":              "309969",
		long + " + 'x'":                  errTooLong.Error(),
		"[" + long + ", 1]":              errTooLarge.Error(),
		"{a: " + long + ", b: 1}":        errTooLarge.Error(),
		"1..100000":                      errTooLarge.Error(),
	} {
		if got, _ := renderText(t, "${"+source+"}"); got != want && !strings.HasSuffix(got, ": "+want) {
			t.Errorf("%s is %.60s, want %s", source, got, want)
		}
	}
}

func TestAddress(t *testing.T) {
	in := tripInstance()
	for _, test := range []struct{ participant, key, wantParticipant, wantKey, wantErr string }{
		{participant: "hotels", wantParticipant: "hotels", wantKey: "T-1"},
		{"${input.customer}", "any key: ${input.customer}", "c-7", "any key: c-7", ""},
		{participant: "hotel ${saga.id}", wantErr: `participant "hotel T-1" contains ' '`},
		{participant: "${input.nobody}", wantErr: `participant: ${input.nobody}: input has no "nobody"`},
		{participant: "p", key: "${input.memo}", wantErr: "key: ${input.memo}: it is null"},
		{participant: "p", key: `${input.customer[0:0]}`, wantErr: "key is empty"},
		{participant: "p", key: `${join(map(1..86, "xxx"), "")}`, wantErr: "is 258 bytes long"},
	} {
		s := StepDefinition{participant: must(compileText(test.participant, tripView))}
		if test.key != "" {
			s.key = must(compileText(test.key, tripView))
		}
		participant, key, err := s.Address(in, s.ID)
		if test.wantErr == "" && (err != nil || participant != test.wantParticipant || key != test.wantKey) {
			t.Errorf("%+v: %s, %s, %v", test, participant, key, err)
		}
		if test.wantErr != "" && (err == nil || !strings.Contains(err.Error(), test.wantErr)) {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// argumentsOf computes the args of a saga's second step, written in YAML's flow style.
func argumentsOf(t *testing.T, args string, in *Instance) (string, error) {
	t.Helper()
	d := parse(t, sagaOf("undo: u", "args: "+args))
	body, err := d.Steps[1].Arguments(in, d.Steps[1].ID)
	return string(body), err
}

func TestArguments(t *testing.T) {
	in := tripInstance()
	for args, want := range map[string]string{
		"{}": "{}",
		"{b: 1, a: [x, 2.50, null, {d: true, c: \"${input.cents}\"}], z: 9007199254740993}": `{"a":["x",2.5,null,{"c":9007199254740993,"d":true}],"b":1,"z":9007199254740993}`,
		`"${input.o}"`:              `{"a":2,"z":1}`,
		`{é: "${input.customer}!"}`: `{"é":"c-7!"}`,
	} {
		if got, err := argumentsOf(t, args, in); err != nil || got != want {
			t.Errorf("%s: %s, %v", args, got, err)
		}
	}
	for args, want := range map[string]string{
		`"${input.rows}"`:               "args: it must be an object",
		`{a: [{b: "${input.nobody}"}]}`: `args: ${input.nobody}: input has no "nobody"`,
		`{a: ["${map(1..9999, 1.5)}", "${join(map(1..9999, input.o2), \"\")}"]}`: "args: it has 349977 bytes: at most 262144 are allowed",
	} {
		if got, err := argumentsOf(t, args, in); err == nil || err.Error() != want {
			t.Errorf("%s: %.40s, %v", args, got, err)
		}
	}
	if got, err := (&StepDefinition{}).Arguments(in, ""); err != nil || string(got) != "{}" {
		t.Errorf("no args: %s, %v", got, err)
	}
}

// Arguments nested too deeply by an input are refused at exactly the bound of bodies.
func TestArgumentsDepth(t *testing.T) {
	in := &Instance{Input: json.RawMessage(nested(MaxDepth))} // input.a is one less deep
	if got, err := argumentsOf(t, `{a: "${input.a}"}`, in); err != nil || CheckObject([]byte(got)) != nil {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := argumentsOf(t, `{a: ["${input.a}"]}`, in); err == nil {
		t.Errorf("%s is accepted", got)
	}
}

func TestResult(t *testing.T) {
	in := &Instance{ID: "x-1", Type: "x", Steps: []Step{{ID: "a", Result: json.RawMessage(`{"n":7}`)}}}
	d := parse(t, sagaOf("undo: u")+"output: {n: \"${results.a.n}\", id: \"${saga.id}\"}\n")
	if got, err := d.Result(in); err != nil || string(got) != `{"id":"x-1","n":7}` {
		t.Errorf("%s, %v", got, err)
	}
	in.Steps[0].Result = nil
	if got, err := d.Result(in); err == nil || err.Error() != `output: ${results.a.n}: step "a" has no result` {
		t.Errorf("%s, %v", got, err)
	}
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"${input.customer}", "a ${input.cents + 1} b", "${{a: '}'}}", "${sum(input.rows, .n)}", "${results.hotel?.room ?? 1}",
		"${input.rows[0]}", "${all(1..9, all(1..9, true))}", "${map(1..10, # * 2)}", "${", "${}", "${input.customer matches '^c'}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		compiled, err := compileText(source, tripView)
		if err != nil {
			return
		}
		first, err := compiled.appendJSON(nil, newScope(tripInstance()), MaxDepth)
		second, again := compiled.appendJSON(nil, newScope(tripInstance()), MaxDepth)
		if string(first) != string(second) || fmt.Sprint(err) != fmt.Sprint(again) {
			t.Fatalf("first %s %v, then %s %v", first, err, second, again)
		}
		if err == nil && CheckObject([]byte(`{"a":`+string(first)+`}`)) != nil && len(first) < MaxBody/2 && depth(first) < MaxDepth {
			t.Fatalf("%s is not JSON", first)
		}
	})
}

func BenchmarkExpression(b *testing.B) {
	compiled := must(compileText("${input.cents + 1}", tripView))
	in := tripInstance()
	b.ReportAllocs()
	for b.Loop() {
		must(compiled.render(newScope(in)))
	}
}

// The index of a run is a number: what looks into it is wrong, and not the number.
func TestIndexHasNoMembers(t *testing.T) {
	text := must(compileText("${index.x}", view{item: true}))
	s := newScope(tripInstance())
	s.each, s.index = &expression{}, 3
	if got, err := text.render(s); err == nil || !strings.Contains(err.Error(), "index has no members") {
		t.Errorf("%q, %v", got, err)
	}
}
