package torture

import (
	"math/rand/v2"
	"sync"
)

// doubling carries messages of a link twice, for as long as it is the link's. nil: every message once.
type doubling struct {
	share int // of four messages

	mu      sync.Mutex
	rng     *rand.Rand
	carried int // copies
}

// draw says of a message whether it is carried twice, and how many frames its copy lets pass: often none.
func (d *doubling) draw() (twice bool, after int) {
	if d == nil {
		return false, 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if twice = d.rng.IntN(4) < d.share; twice && d.rng.IntN(2) == 0 {
		after = 1 + d.rng.IntN(maxPassed)
	}
	return twice, after
}

// count counts copies that were carried.
func (d *doubling) count(copies int) int {
	if d == nil {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.carried += copies
	return d.carried
}

const (
	maxPassed   = 16      // frames that a copy lets pass
	maxHeld     = 16      // copies on their way, in one direction of a connection
	maxHeldSize = 4 << 20 // bytes of those
)

// double is the copy of a message, which is still on its way.
type double struct {
	text  []byte
	after int // so many frames
}

// way is one direction of one connection. All that comes goes on at once and unchanged; copies are put between
// the frames, so it must know at any time where one ends, also while nothing is carried twice.
type way struct {
	frame frame
	copy  *double // of the message that comes; nil: it is carried once
	held  []double
	size  int // bytes of copy and held
	out   []byte
}

// carry returns what goes on when a piece comes, until the next call, and how many copies are in it. An error
// means that this is not the protocol; what came before that goes on.
func (w *way) carry(piece []byte, d *doubling) (out []byte, copies int, err error) {
	w.out = w.out[:0]
	for len(piece) > 0 {
		n, err := w.frame.take(piece)
		if err != nil {
			return w.out, copies, err
		}
		w.out = append(w.out, piece[:n]...)
		w.keep(piece[:n], d)
		if w.frame.ended() {
			copies += w.release(d == nil)
		}
		piece = piece[n:]
	}
	return w.out, copies, nil
}

// keep keeps what belongs to a copy. There is none of a message for which there is no room.
func (w *way) keep(part []byte, d *doubling) {
	if w.copy != nil {
		w.copy.text = append(w.copy.text, part...)
		return
	}
	if !w.frame.message() || len(w.held) == maxHeld {
		return
	}
	size := len(w.frame.line) + w.frame.size
	if twice, after := d.draw(); twice && w.size+size <= maxHeldSize {
		w.copy = &double{text: append(make([]byte, 0, size), w.frame.line...), after: after}
		w.size += size
	}
}

// release lets go, behind a frame, the copies that are due; all of them once nothing is carried twice any more.
func (w *way) release(all bool) (copies int) {
	if w.copy != nil {
		w.held = append(w.held, double{w.copy.text, w.copy.after + 1}) // this frame does not count
		w.copy = nil
	}
	kept := w.held[:0]
	for _, h := range w.held {
		if h.after--; h.after > 0 && !all {
			kept = append(kept, h)
			continue
		}
		w.out = append(w.out, h.text...)
		w.size -= len(h.text)
		copies++
	}
	clear(w.held[len(kept):])
	w.held = kept
	return copies
}
