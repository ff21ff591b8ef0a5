package torture

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// link is the network between one process and the broker: every byte goes through it, and it may be
// disturbed.
type link struct {
	name     string
	listener net.Listener
	target   string

	mu      sync.Mutex
	changed *sync.Cond
	ends    map[*net.TCPConn]struct{}
	cut     bool
	silent  [2]bool       // by direction
	delay   time.Duration // of each piece
	twice   *doubling
}

// The directions of a link.
const (
	toBroker = iota
	fromBroker
)

// newLink begins to listen. It carries until it is closed.
func newLink(name, target string) (*link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &link{name: name, listener: listener, target: target, ends: make(map[*net.TCPConn]struct{})}
	l.changed = sync.NewCond(&l.mu)
	go l.accept()
	return l, nil
}

func (l *link) url() string { return "nats://" + l.listener.Addr().String() }

func (l *link) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return // closed
		}
		go l.carry(near.(*net.TCPConn))
	}
}

// carry connects one connection through.
func (l *link) carry(near *net.TCPConn) {
	conn, err := net.DialTimeout("tcp", l.target, time.Second)
	if err != nil {
		_ = near.Close() // whoever came sees that nobody is there
		return
	}
	far := conn.(*net.TCPConn)
	if !l.join(near, far) {
		return
	}
	go l.pump(toBroker, far, near)
	l.pump(fromBroker, near, far)
}

// join takes the two ends in, or closes them while the link is cut.
func (l *link) join(ends ...*net.TCPConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, end := range ends {
		if l.cut {
			_ = end.Close() // as a network does that is not there
			continue
		}
		l.ends[end] = struct{}{}
	}
	return !l.cut
}

// pump carries one direction until either end is closed, or what comes is not understood.
func (l *link) pump(direction int, to, from *net.TCPConn) {
	defer l.leave(to, from)
	piece, w := make([]byte, 32<<10), way{}
	for {
		n, err := from.Read(piece)
		if n > 0 {
			delay, twice := l.pass(direction)
			time.Sleep(delay)
			out, copies, lost := w.carry(piece[:n], twice)
			if _, err := to.Write(out); err != nil || lost != nil {
				return
			}
			twice.count(copies)
		}
		if errors.Is(err, io.EOF) || err != nil {
			return
		}
	}
}

// pass waits while the direction is silent, and returns how long a piece is on its way, and what of it comes twice.
func (l *link) pass(direction int) (time.Duration, *doubling) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.silent[direction] {
		l.changed.Wait()
	}
	return l.delay, l.twice
}

func (l *link) leave(ends ...*net.TCPConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, end := range ends {
		_ = end.Close() // the other direction may have closed it
		delete(l.ends, end)
	}
}

// disturb changes how the link carries.
func (l *link) disturb(change func(*link)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
	l.changed.Broadcast()
}

// heal carries everything again, at once.
func (l *link) heal() {
	l.disturb(func(l *link) { l.cut, l.silent, l.delay, l.twice = false, [2]bool{}, 0, nil })
}

// hangUp ends all connections; linger 0 resets them. The lock must be held.
func (l *link) hangUp(linger int) int {
	n := len(l.ends)
	for end := range l.ends {
		_ = end.SetLinger(linger)
		_ = end.Close()
	}
	return n
}

// close ends the link.
func (l *link) close() {
	_ = l.listener.Close() // nobody comes any more
	l.disturb(func(l *link) { l.cut, l.silent = true, [2]bool{}; l.hangUp(-1) })
}
