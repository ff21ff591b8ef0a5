package sagatest

import (
	"fmt"
	"io"
	"time"
)

// trace hashes everything that happens (FNV-1a), and writes it down if somebody wants to read it.
type trace struct {
	clock *clock
	out   io.Writer
	sum   uint64
}

func newTrace(c *clock, out io.Writer) *trace {
	return &trace{clock: c, out: out, sum: 14695981039346656037}
}

func (t *trace) add(who, what, about string) {
	for now, i := uint64(t.clock.now), 0; i < 8; i++ {
		t.sum = (t.sum ^ now>>(8*i)&0xff) * 1099511628211
	}
	t.hash(who)
	t.hash(what)
	t.hash(about)
	if t.out != nil {
		fmt.Fprintf(t.out, "%12s  %-12s %-24s %s\n", t.clock.now.Truncate(time.Microsecond), who, what, about)
	}
}

func (t *trace) hash(s string) {
	for i := range len(s) {
		t.sum = (t.sum ^ uint64(s[i])) * 1099511628211
	}
	t.sum *= 1099511628211
}
