package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
)

// readBody reads a request's body within its bound.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, tooLarge(limit)
	}
	if err != nil {
		return nil, wire.Unparsable(fmt.Errorf("read the body: %w", err))
	}
	bound(w, writeTimeout, writeTimeout) // a read that times out would end the request's context
	return body, nil
}

// verbBody makes the body of a verb from that of the request, the words of its path and its query.
// They are fields of one object; a field that is said twice must say the same.
func (op *operation) verbBody(r *http.Request, body []byte) ([]byte, error) {
	fields := make(map[string]json.RawMessage)
	if len(body) > 0 {
		if err := saga.CheckObject(body); err != nil {
			return nil, wire.Unparsable(err)
		}
		if err := json.Unmarshal(body, &fields); err != nil {
			return nil, wire.Unparsable(err)
		}
	}
	for _, name := range op.words() {
		word, err := json.Marshal(r.PathValue(name))
		if err != nil {
			return nil, err
		}
		if said, twice := fields[name]; twice && !saga.SameJSON(said, word) {
			return nil, wire.Unparsable(fmt.Errorf("%s is %s in the path and %s in the body", name, word, said))
		}
		fields[name] = word
	}
	if err := op.readQuery(r.URL, fields); err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}

// words are the names in the braces of the path.
func (op *operation) words() (names []string) {
	for part := range strings.SplitSeq(op.path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

// readQuery adds the parameters to the fields. An unknown one, or one that stands twice, is
// refused: nothing that somebody says is ignored.
func (op *operation) readQuery(u *url.URL, fields map[string]json.RawMessage) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return wire.Unparsable(fmt.Errorf("query: %w", err))
	}
	for name, values := range query {
		p, known := op.parameter(name)
		if !known || len(values) != 1 {
			return wire.Unparsable(fmt.Errorf("query: %s is not a parameter here, or stands there twice", name))
		}
		if fields[name], err = p.encode(values[0]); err != nil {
			return wire.Unparsable(fmt.Errorf("query: %s: %w", name, err))
		}
	}
	return nil
}

// encode makes JSON of a parameter.
func (p *parameter) encode(value string) (json.RawMessage, error) {
	switch p.kind {
	case "integer":
		if _, err := strconv.Atoi(value); err != nil {
			return nil, fmt.Errorf("%q is not a number", value)
		}
		return json.RawMessage(value), nil
	case "boolean":
		if value != "true" && value != "false" {
			return nil, fmt.Errorf("%q is neither true nor false", value)
		}
		return json.RawMessage(value), nil
	}
	return json.Marshal(value)
}
