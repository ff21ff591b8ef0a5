package saga

import "fmt"

// Bounds of identifiers and keys.
const (
	MaxID  = 64  // characters of an identifier
	MaxKey = 256 // bytes of a key
)

// CheckID refuses what is not an identifier: 1 to 64 characters of A-Z a-z 0-9 _ -. Saga ids,
// types, participants, actions and step ids become tokens of NATS subjects, where a dot, a space
// or a wildcard would mean something else. What names the thing in the error: "saga id".
func CheckID(what, s string) error {
	if s == "" {
		return fmt.Errorf("%s is empty: %s", what, idRule)
	}
	if len(s) > MaxID {
		return fmt.Errorf("%s %.20q... is %d bytes long: %s", what, s, len(s), idRule)
	}
	for _, c := range s { // runes, so that the error can show the whole character
		if !isIDChar(c) {
			return fmt.Errorf("%s %q contains %q: %s", what, s, c, idRule)
		}
	}
	return nil
}

const idRule = "it must have 1 to 64 characters of A-Z a-z 0-9 _ -"

func isIDChar(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// CheckParticipant refuses what cannot name a participant: what is no identifier, and "start" and
// "reply", whose dead letters are the orchestrator's own.
func CheckParticipant(s string) error {
	if s == "start" || s == "reply" {
		return fmt.Errorf("participant %q is a reserved name: choose another", s)
	}
	return CheckID("participant", s)
}

// CheckKey refuses what is not a key (an ordering lane): 1 to 256 bytes of any kind.
func CheckKey(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("key is empty: it must have 1 to %d bytes", MaxKey)
	case len(s) > MaxKey:
		return fmt.Errorf("key %.20q... is %d bytes long: it must have 1 to %d bytes", s, len(s), MaxKey)
	}
	return nil
}

// IsID reports whether s is an identifier as [CheckID] takes it.
func IsID(s string) bool {
	if s == "" || len(s) > MaxID {
		return false
	}
	for i := range len(s) {
		if !isIDChar(rune(s[i])) {
			return false
		}
	}
	return true
}
