package postgres

import (
	"strconv"
	"strings"
)

// rebind writes the arguments of a query as Postgres has them: each "?" is the next one, "?3" the third.
// What stands in quotes or comments is left alone, and "??" is the operator "?".
func rebind(query string) string {
	if !strings.Contains(query, "?") {
		return query
	}
	var b strings.Builder
	b.Grow(len(query) + 16)
	next := 1
	for i := 0; i < len(query); {
		if n := opaque(query[i:]); n > 0 {
			b.WriteString(query[i : i+n])
			i += n
			continue
		}
		if query[i] != '?' {
			b.WriteByte(query[i])
			i++
			continue
		}
		i++
		digits := countDigits(query[i:])
		switch {
		case digits > 0:
			b.WriteString("$" + query[i:i+digits])
			i += digits
		case strings.HasPrefix(query[i:], "?"):
			b.WriteByte('?')
			i++
		default:
			b.WriteString("$" + strconv.Itoa(next))
			next++
		}
	}
	return b.String()
}

func countDigits(s string) (n int) {
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// opaque is the length of the quoted text or comment that s begins with, 0 if it begins with neither.
func opaque(s string) int {
	switch {
	case s[0] == '\'' || s[0] == '"':
		return quoted(s, 0, false)
	case len(s) > 1 && (s[0] == 'e' || s[0] == 'E') && s[1] == '\'':
		return quoted(s, 1, true)
	case strings.HasPrefix(s, "--"):
		if end := strings.IndexByte(s, '\n'); end >= 0 {
			return end
		}
		return len(s)
	case strings.HasPrefix(s, "/*"):
		return comment(s)
	case s[0] == '$':
		return dollars(s)
	case isWord(s[0]): // to its end, so that an e within a word begins no string
		n := 1
		for n < len(s) && isWord(s[n]) {
			n++
		}
		return n
	}
	return 0
}

// quoted is the length of s up to the quote that ends the text begun at "from".
func quoted(s string, from int, escapes bool) int {
	for i := from + 1; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] != s[from]:
		case i+1 < len(s) && s[i+1] == s[from]:
			i++
		default:
			return i + 1
		}
	}
	return len(s)
}

// comment is the length of the comment at the beginning of s. Postgres lets them nest.
func comment(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			i++
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// dollars is the length of a text in dollar quotes, 0 if the dollar begins none.
func dollars(s string) int {
	n := 1
	for n < len(s) && isWord(s[n]) {
		n++
	}
	if n == len(s) || s[n] != '$' || countDigits(s[1:]) > 0 {
		return 0
	}
	tag := s[:n+1]
	if end := strings.Index(s[n+1:], tag); end >= 0 {
		return n + 1 + end + len(tag)
	}
	return len(s)
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// controls are the first words of statements that end a transaction, or change what its promises rest on.
var controls = map[string]bool{
	"BEGIN": true, "START": true, "COMMIT": true, "END": true, "ROLLBACK": true, "ABORT": true,
	"SAVEPOINT": true, "RELEASE": true, "PREPARE": true, "SET": true, "RESET": true, "DISCARD": true,
}

// isControl says that a handler may not run the query: one of its statements begins with such a word.
// Without arguments a query may have several, because the driver then sends it as it is.
func isControl(query string) bool {
	begins := true
	for query != "" {
		n := max(opaque(query), 1)
		switch {
		case query[0] == ';':
			begins = true
		case isWord(query[0]):
			if begins && controls[strings.ToUpper(query[:n])] {
				return true
			}
			begins = false
		}
		query = query[n:]
	}
	return false
}
