package saga

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// TestAppendJSON holds that what is appended is what encoding/json writes, whatever stands in the fields:
// also in one that is added later.
func TestAppendJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var d Document
		var in Instance
		fill(rng, reflect.ValueOf(&d).Elem())
		fill(rng, reflect.ValueOf(&in).Elem())
		for _, c := range []struct {
			marshalled any
			appended   func([]byte) ([]byte, error)
		}{{d, d.AppendJSON}, {in, in.AppendJSON}} {
			want, err := json.Marshal(c.marshalled)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.appended([]byte("before "))
			if err != nil || string(got) != "before "+string(want) {
				t.Fatalf("%v: appended is\n%s, marshalled is\n%s", err, got, want)
			}
		}
	}
}

// A body that is no JSON is not written.
func TestAppendRefuses(t *testing.T) {
	d, in := Document{Input: json.RawMessage(`{"a": `)}, Instance{Output: json.RawMessage(`{"a": `)}
	if text, err := d.AppendJSON(nil); err == nil {
		t.Errorf("%s", text)
	}
	if text, err := in.AppendJSON(nil); err == nil {
		t.Errorf("%s", text)
	}
}

// fill sets a value to nothing, to something plain, or to something that must be escaped.
func fill(rng *rand.Rand, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		at := []time.Time{{}, time.Unix(1_800_000_000, 0).UTC(), time.Unix(1_800_000_000, 120_000).UTC(), time.Unix(1_800_000_000, 7).In(time.FixedZone("", 3600))}
		v.Set(reflect.ValueOf(at[rng.IntN(len(at))]))
		return
	case json.RawMessage:
		raw := []json.RawMessage{nil, json.RawMessage(`{}`), json.RawMessage(`{"a":[1,"b"]}`), json.RawMessage(`{ "a" : "b c" }`), json.RawMessage(`{"<":"é"}`)}
		v.Set(reflect.ValueOf(raw[rng.IntN(len(raw))]))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(rng, v.Field(i))
		}
	case reflect.String:
		texts := []string{"", "plain", "with space", `quo"ted\`, "<a&b>", "é\u2028", "\x80\n"}
		v.SetString(texts[rng.IntN(len(texts))])
	case reflect.Int, reflect.Int64:
		v.SetInt(rng.Int64N(4) - 1)
	case reflect.Uint64:
		v.SetUint(rng.Uint64N(3))
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.Pointer:
		if rng.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(rng, v.Elem())
		}
	case reflect.Slice:
		if n := rng.IntN(4); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n-1))
			for i := range n - 1 {
				fill(rng, v.Index(i))
			}
		}
	default:
		panic(v.Type().String() + " is not drawn")
	}
}
