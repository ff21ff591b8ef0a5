package gateway

import "errors"

var (
	// ErrExposed: an address that others can reach needs TLS and a token. Give both, or choose a loopback address.
	ErrExposed = errors.New("anything but loopback needs TLS and a bearer token")
	// ErrPortTaken: somebody listens on the address already. Choose another.
	ErrPortTaken = errors.New("the address is taken")
	// ErrWeakToken: the bearer token can be guessed, or cannot stand in a header. Choose a longer one.
	ErrWeakToken = errors.New("a bearer token has 16 to 256 printable characters and no space")
)
