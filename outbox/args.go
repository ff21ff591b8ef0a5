package outbox

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
)

// bind converts arguments as database/sql does, the common types without reflection.
func bind(values []driver.NamedValue, args []any) ([]driver.NamedValue, error) {
	for i, arg := range args {
		v := driver.NamedValue{Ordinal: i + 1, Value: arg}
		if named, ok := arg.(sql.NamedArg); ok {
			v.Name, v.Value = named.Name, named.Value
		}
		var err error
		if v.Value, err = convert(v.Value); err != nil {
			return nil, fmt.Errorf("outbox: argument %d: %w", i+1, err)
		}
		values = append(values, v)
	}
	return values, nil
}

func convert(v any) (driver.Value, error) {
	switch v := v.(type) {
	case nil, string, []byte, int64:
		return v, nil
	case int:
		return int64(v), nil
	default:
		return driver.DefaultParameterConverter.ConvertValue(v)
	}
}
