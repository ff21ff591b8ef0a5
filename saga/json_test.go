package saga

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

var transferInput = []byte(`{"from":{"bank":"HOME","account":"1"},"to":{"bank":"YZ","account":"87144583"},"amount":245200,"currency":"CZK"}`)

// nested is an object of this depth.
func nested(depth int) string {
	return `{"a":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + "}"
}

func TestCheckObject(t *testing.T) {
	fits := `{"a":"` + strings.Repeat("x", MaxBody-len(`{"a":""}`)) + `"}`
	for _, good := range []string{"{}", " {\n} ", string(transferInput), nested(MaxDepth), fits, `{"a":"{[\"\\","b":"\ud83d\ude00"}`} {
		if err := CheckObject([]byte(good)); err != nil {
			t.Errorf("%.40s: %v", good, err)
		}
	}
	for _, bad := range []struct{ body, want string }{
		{"", "line 1, column 1: it must be a JSON object, but is empty"},
		{" ", "line 1, column 2: it must be a JSON object, but is empty"},
		{"[]", "line 1, column 1: it must be a JSON object, but begins as a list"},
		{"5", "line 1, column 1: it must be a JSON object, but begins as a number"},
		{`"x"`, "line 1, column 1: it must be a JSON object, but begins as a text"},
		{"null", "line 1, column 1: it must be a JSON object, but begins as null"},
		{"{} {}", "line 1, column 3: something follows the JSON object"},
		{"{}x", "line 1, column 3: something follows the JSON object"},
		{`{"a":1`, "line 1, column 7: the JSON ends too early"},
		{"{\n \"a\": {\"b\":1,\n \"b\":2}}", "line 3, column 2 (/a/b): this key stands twice"},
		{`{"a":1,"\u0061":2}`, "line 1, column 8 (/a): this key stands twice"},
		{`{"a":01}`, "line 1, column 7: this is not JSON: invalid character '1' after object value (expecting ',' or '}')"},
		{`{a:1}`, "line 1, column 2: this is not JSON: invalid character 'a' at start of value"},
		{"{\"a\":\"\xff\"}", "line 1, column 7 (/a): this is not JSON: invalid UTF-8"},
		{`{"a":"\ud800"}`, "line 1, column 7 (/a): this is not JSON: invalid surrogate pair `\\ud800\"}` in string"},
		{nested(MaxDepth + 1), "line 1, column 38 (/a" + strings.Repeat("/0", MaxDepth-1) + "): it is nested deeper than 32"},
		{nested(20_000), "line 1, column 38 (/a" + strings.Repeat("/0", MaxDepth-1) + "): it is nested deeper than 32"},
		{fits + " ", "the body has 262145 bytes: at most 262144 are allowed"},
	} {
		if err := CheckObject([]byte(bad.body)); err == nil || err.Error() != bad.want {
			t.Errorf("%.40s:\n got %v\nwant %s", bad.body, err, bad.want)
		}
	}
}

func TestSameJSON(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{`{"a":1,"b":[2]}`, `{ "b":[ 2 ], "a":1 }`, true},
		{`{"a":"b"}`, `{"\u0061":"\u0062"}`, true},
		{`{"a":1.0}`, `{"a":1}`, true},
		{`{"a":1e2}`, `{"a":100}`, true},
		{`{"a":1}`, `{"a":2}`, false},
		{`{"a":[1,2]}`, `{"a":[2,1]}`, false},
		{`{"a":"1"}`, `{"a":1}`, false},
		{`{"a":null}`, `{}`, false},
		{`{"a":9007199254740993}`, `{"a":9007199254740992}`, false}, // equal for the RFC
		{`{`, `{`, true},
		{`{`, `{}`, false},
		{`{`, `[`, false},
		{`{"a":1,"a":1}`, `{"a":1}`, false},
	} {
		if got := SameJSON([]byte(test.a), []byte(test.b)); got != test.same {
			t.Errorf("%s and %s: %v", test.a, test.b, got)
		}
	}
}

func FuzzCheckObject(f *testing.F) {
	for _, seed := range []string{"{}", string(transferInput), `{"a":{"b":[1,"\u0061\\\""]}}`, nested(40), "[1]", `{"a":1e999}`, `{"a":-0.0,"é":"\ud83d\ude00"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if CheckObject(body) != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatal("accepted, but not JSON")
		}
		v, err := decode(body)
		if err != nil {
			return // a number beyond a double
		}
		canonical, err := Canonical(body)
		if err != nil || !SameJSON(body, canonical) {
			t.Fatalf("canonical form %s: %v", canonical, err)
		}
		written, err := appendValue(nil, v, MaxDepth)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decode(written)
		if err != nil {
			t.Fatal(err)
		}
		if twice, _ := appendValue(nil, again, MaxDepth); !bytes.Equal(twice, written) {
			t.Fatalf("%s was written as %s", written, twice)
		}
	})
}

func BenchmarkCheckObject(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := CheckObject(transferInput); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSameJSON(b *testing.B) {
	spaced := append([]byte(" "), transferInput...)
	b.ReportAllocs()
	for b.Loop() {
		if !SameJSON(transferInput, spaced) {
			b.Fatal()
		}
	}
}
