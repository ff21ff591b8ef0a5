package wire

import (
	"encoding/base64"
	"strings"

	"github.com/girohq/giro/saga"
)

// EscapeKey makes one subject token of a key: a key that is an id stands as it is, any other
// travels as "~" and the unpadded base64url of its bytes.
func EscapeKey(key string) string {
	if saga.IsID(key) {
		return key
	}
	return "~" + base64.RawURLEncoding.EncodeToString([]byte(key))
}

// UnescapeKey reads what [EscapeKey] wrote; ok is false for anything it cannot have written.
func UnescapeKey(token string) (key string, ok bool) {
	encoded, escaped := strings.CutPrefix(token, "~")
	if !escaped {
		return token, saga.IsID(token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || EscapeKey(string(raw)) != token {
		return "", false
	}
	return string(raw), saga.CheckKey(string(raw)) == nil
}
