package schema

import "crypto/rand"

// NewStoreID draws 16 of 36 characters: 82 bits, enough that no two stores meet by chance.
func NewStoreID() string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	id := make([]byte, 0, 16)
	for len(id) < cap(id) {
		var b [1]byte
		_, _ = rand.Read(b[:]) // never fails, by its contract
		if int(b[0]) < 252 {   // 7 * 36: keeps the characters equally likely
			id = append(id, digits[b[0]%36])
		}
	}
	return string(id)
}
