package saga

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of every body: an input, arguments, a result, an output.
const (
	MaxBody  = 256 << 10 // bytes
	MaxDepth = 32        // nested objects and lists, the outermost counted
)

// CheckObject refuses what is not a body: one JSON object of at most [MaxBody] bytes, nested at
// most [MaxDepth] deep, in valid UTF-8, without a duplicate key and with nothing behind it.
// The error is a [*BodyError], or an error about the size. It allocates only for a refusal.
func CheckObject(body []byte) error {
	if len(body) > MaxBody {
		return fmt.Errorf("the body has %d bytes: at most %d are allowed", len(body), MaxBody)
	}
	v := jsontext.Value(body)
	if v.Kind() == jsontext.KindBeginObject && v.IsValid() && depth(body) <= MaxDepth {
		return nil
	}
	return explainBody(body)
}

// SameJSON reports whether two bodies mean the same: equal bytes, or equal canonical forms.
// What is not JSON is the same as nothing but itself.
func SameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	ca, errA := Canonical(a)
	cb, errB := Canonical(b)
	return errA == nil && errB == nil && bytes.Equal(ca, cb)
}

// Canonical returns the canonical form of a JSON value after RFC 8785: sorted keys, no space, one
// spelling of each string and number. It differs from the RFC in one point: an integer literal
// stays as it is written, since the RFC would round it beyond 2^53 and make two ids one.
func Canonical(b []byte) ([]byte, error) {
	v := jsontext.Value(bytes.Clone(b))
	if err := v.Canonicalize(jsontext.CanonicalizeRawInts(false)); err != nil {
		return nil, bodyError(b, err)
	}
	return v, nil
}

// Fingerprint is a digest of what a start asks for: two starts ask for the same if their types and canonical inputs
// are the same.
func Fingerprint(sagaType string, input []byte) (sum [sha256.Size]byte, err error) {
	canonical, err := Canonical(input)
	if err != nil {
		return sum, err
	}
	return sha256.Sum256(append([]byte(sagaType+"\n"), canonical...)), nil
}

// depth counts how deep valid JSON is nested.
func depth(valid []byte) int {
	deepest, now := 0, 0
	for i := 0; i < len(valid); i++ {
		switch valid[i] {
		case '{', '[':
			now++
			deepest = max(deepest, now)
		case '}', ']':
			now--
		case '"':
			for i++; valid[i] != '"'; i++ {
				if valid[i] == '\\' {
					i++
				}
			}
		}
	}
	return deepest
}

// explainBody reads a refused body again, token by token, to say what is wrong and where.
func explainBody(body []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(body))
	if kind := d.PeekKind(); kind != jsontext.KindBeginObject && kind != jsontext.KindInvalid {
		return placed(body, d.InputOffset(), "", fmt.Sprintf("it must be a JSON object, but begins as %s", kindNames[kind]))
	}
	for {
		_, err := d.ReadToken()
		switch {
		case err == io.EOF:
			return placed(body, int64(len(body)), "", "it must be a JSON object, but is empty")
		case err != nil:
			return bodyError(body, err)
		case d.StackDepth() > MaxDepth:
			return placed(body, d.InputOffset(), string(d.StackPointer()), fmt.Sprintf("it is nested deeper than %d", MaxDepth))
		case d.StackDepth() == 0:
			return placed(body, d.InputOffset(), "", "something follows the JSON object")
		}
	}
}

var kindNames = map[jsontext.Kind]string{
	jsontext.KindNull: "null", jsontext.KindFalse: "false", jsontext.KindTrue: "true",
	jsontext.KindString: "a text", jsontext.KindNumber: "a number", jsontext.KindBeginArray: "a list",
}

func bodyError(body []byte, err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case !errors.As(err, &syntax):
		return placed(body, int64(len(body)), "", err.Error())
	case errors.Is(err, jsontext.ErrDuplicateName):
		return placed(body, syntax.ByteOffset, string(syntax.JSONPointer), "this key stands twice")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return placed(body, int64(len(body)), string(syntax.JSONPointer), "the JSON ends too early")
	}
	return placed(body, syntax.ByteOffset, string(syntax.JSONPointer), "this is not JSON: "+syntax.Err.Error())
}

// placed makes the error of an offset.
func placed(body []byte, offset int64, pointer, reason string) *BodyError {
	line, column := lineAndColumn(body, int(offset))
	return &BodyError{Line: line, Column: column, Pointer: pointer, Reason: reason}
}

// lineAndColumn counts both from 1, the column in bytes.
func lineAndColumn(text []byte, offset int) (line, column int) {
	before := text[:min(offset, len(text))]
	return 1 + bytes.Count(before, []byte{'\n'}), len(before) - bytes.LastIndexByte(before, '\n')
}
