package outbox

import (
	"fmt"
	"strings"
)

// encodeHeader writes one line a value. NATS headers are lines too, so nothing that can travel
// is refused.
func encodeHeader(h map[string][]string) (string, error) {
	var b strings.Builder
	for name, values := range h {
		if name == "" || strings.ContainsAny(name, ":\r\n") {
			return "", fmt.Errorf("%w: header name %q", ErrInvalid, name)
		}
		for _, v := range values {
			if strings.ContainsAny(v, "\r\n") {
				return "", fmt.Errorf("%w: line break in header %s", ErrInvalid, name)
			}
			b.WriteString(name)
			b.WriteString(": ")
			b.WriteString(v)
			b.WriteByte('\n')
		}
	}
	return b.String(), nil
}

func decodeHeader(s string) map[string][]string {
	h := map[string][]string{}
	for line := range strings.Lines(s) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		h[name] = append(h[name], value)
	}
	return h
}
