package saga

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestWritten holds that what is copied as it stands is what would be written.
func TestWritten(t *testing.T) {
	whole, part := must(compileText("${input.a.b}", view{})), must(compileText("<${input.a.b}>", view{}))
	copied := 0
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(
			rapid.Map(rapid.String(), func(s string) string { return string(must(json.Marshal(s))) }),
			rapid.Map(rapid.StringMatching(`[ -~é\x{7f}\x{2028}]{0,9}`), func(s string) string { return string(must(json.Marshal(s))) }),
			rapid.StringMatching(`-?(0|[1-9][0-9]{0,21})(\.[0-9]{1,3})?([eE][+-]?[0-9])?`),
			rapid.SampledFrom([]string{"null", "true", "[1]", `{"c":"d"}`, `"\u0041"`, `""`}),
		).Draw(t, "value")
		s := newScope(&Instance{Input: fmt.Appendf(nil, `{"x":1, "a": {"z":[2], "b" : %s , "c":3}}`, value)})
		v, err := whole.whole().value(s)
		if err != nil {
			t.Fatal(err)
		}
		want := string(must(appendValue(nil, v, MaxDepth)))
		if got := string(must(whole.appendJSON(nil, s, MaxDepth))); got != want {
			t.Fatalf("%s is written as %s, want %s", value, got, want)
		}
		if _, ok := whole.whole().path.written(s); ok {
			copied++
		}
		wantText, wantErr := renderValue(v)
		text, err := part.render(s)
		if (err == nil) != (wantErr == nil) || err == nil && text != "<"+wantText+">" {
			t.Fatalf("%s in a text is %q, want %q: %v, %v", value, text, wantText, err, wantErr)
		}
	})
	if copied == 0 {
		t.Error("nothing was copied: nothing was tried")
	}
}
