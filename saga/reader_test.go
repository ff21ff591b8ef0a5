package saga

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecode(t *testing.T) {
	for _, test := range []struct {
		text string
		want any
	}{
		{`{}`, map[string]any{}},
		{` { "a" : [ ] , "b" : { } } `, map[string]any{"a": []any{}, "b": map[string]any{}}},
		{`{"a":[true,false,null,"x\n\"\u00e9"]}`, map[string]any{"a": []any{true, false, nil, "x\n\"é"}}},
		{`{"\u0061":9223372036854775807}`, map[string]any{"a": math.MaxInt64}},
		{`{"a":-9223372036854775808}`, map[string]any{"a": math.MinInt64}},
		{`{"a":9223372036854775808}`, map[string]any{"a": json.Number("9223372036854775808")}},
		{`{"a":[1.0,1e3,0.5,-1E-2]}`, map[string]any{"a": []any{1.0, 1000.0, 0.5, -0.01}}},
	} {
		got, err := decode([]byte(test.text))
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", test.text, err, diff)
		}
	}
	for _, bad := range []string{"", "{", `{"a":1e999}`, `{"a":1,"a":2}`, "{}x"} {
		if v, err := decode([]byte(bad)); err == nil {
			t.Errorf("%s is decoded as %v", bad, v)
		}
	}
}

func TestAppendValue(t *testing.T) {
	for _, test := range []struct {
		value any
		want  string
	}{
		{map[string]any{"b": 1, "a": []any{nil, true, "<\"é>"}}, `{"a":[null,true,"<\"é>"],"b":1}`},
		{[]any{math.MaxInt64, json.Number("9223372036854775808"), 1000.0, 1.5, 1e21, math.Copysign(0, -1)},
			`[9223372036854775807,9223372036854775808,1000,1.5,1e+21,0]`},
		{[]any{[]int{1}, []string{"x"}}, `[[1],["x"]]`},
	} {
		if got, err := appendValue(nil, test.value, MaxDepth); err != nil || string(got) != test.want {
			t.Errorf("%v: %s, %v", test.value, got, err)
		}
	}
	for _, bad := range []any{math.NaN(), math.Inf(1), "\xff", map[any]any{1: 2}, func() {}, []any{"\xff"}, map[string]any{"\xff": 1}} {
		if got, err := appendValue(nil, bad, MaxDepth); err == nil {
			t.Errorf("%v is written as %s", bad, got)
		}
	}
	deep := any(1)
	for range MaxDepth {
		deep = []any{deep}
	}
	if _, err := appendValue(nil, deep, MaxDepth); err != nil {
		t.Error(err)
	}
	for _, deeper := range []any{[]any{deep}, map[string]any{"a": deep}} {
		if _, err := appendValue(nil, deeper, MaxDepth); err != errTooDeep {
			t.Error(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(transferInput); err != nil {
			b.Fatal(err)
		}
	}
}
