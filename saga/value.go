package saga

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

var errTooLarge = fmt.Errorf("the value has more than %d bytes", MaxBody)

var errTooDeep = fmt.Errorf("the value is nested deeper than %d", MaxDepth)

// appendValue writes a value as JSON with sorted keys, so that the same value always has the same
// bytes: participants compare the hash of what they are sent. Room is how deep it may be nested;
// 0 leaves room for a scalar only.
func appendValue(dst []byte, v any, room int) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case float64:
		return appendFloat(dst, v)
	case json.Number:
		return append(dst, v...), nil
	case string:
		return jsontext.AppendQuote(dst, v)
	case []any:
		return appendList(dst, v, room)
	case []int:
		return appendList(dst, v, room)
	case []string:
		return appendList(dst, v, room)
	case map[string]any:
		return appendObject(dst, v, room)
	}
	return nil, fmt.Errorf("a %T has no form in JSON", v)
}

func appendFloat(dst []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, errors.New("the number is not finite")
	}
	return jsontext.AppendFloat(dst, f+0, 64), nil
}

func appendList[T any](dst []byte, list []T, room int) ([]byte, error) {
	if room == 0 {
		return nil, errTooDeep
	}
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		if len(dst) > MaxBody {
			return nil, errTooLarge
		}
		var err error
		if dst, err = appendValue(dst, v, room-1); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func appendObject(dst []byte, object map[string]any, room int) ([]byte, error) {
	if room == 0 {
		return nil, errTooDeep
	}
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	dst = append(dst, '{')
	for i, key := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if len(dst) > MaxBody {
			return nil, errTooLarge
		}
		if dst, err = jsontext.AppendQuote(dst, key); err != nil {
			return nil, err
		}
		if dst, err = appendValue(append(dst, ':'), object[key], room-1); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}
