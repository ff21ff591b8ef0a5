package embedded

import "errors"

var (
	// ErrPortTaken: somebody listens on the address already. Choose another, or no port.
	ErrPortTaken = errors.New("the address is taken")
	// ErrExposed: an address that others can reach needs TLS and credentials.
	ErrExposed = errors.New("anything but loopback needs TLS and credentials")
	// ErrNotSynced: the server does not sync its writes; it is not used.
	ErrNotSynced = errors.New("the server does not sync its writes")
	// ErrDown: the server does not run at the moment, or was shut down. Try again.
	ErrDown = errors.New("the embedded server is down")
)
