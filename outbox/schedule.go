package outbox

import (
	"container/heap"
	"time"
)

// schedule is a heap of rows by the time of their next act, the older row first at one instant.
// A row is in one schedule at most and knows its place there.
type schedule []*row

// add puts the row in, to act at that time. It must be in no schedule.
func (s *schedule) add(r *row, at time.Time) {
	r.at, r.in = at, s
	heap.Push(s, r)
}

// due is the first row if its time has come, else nil.
func (s schedule) due(now time.Time) *row {
	if len(s) == 0 || s[0].at.After(now) {
		return nil
	}
	return s[0]
}

// first is when the first row acts; zero: there is none.
func (s schedule) first() time.Time {
	if len(s) == 0 {
		return time.Time{}
	}
	return s[0].at
}

// unschedule takes the row out of whatever schedule it is in.
func (r *row) unschedule() {
	if r.in != nil {
		heap.Remove(r.in, r.index)
	}
}

// The methods of [heap.Interface].

func (s schedule) Len() int { return len(s) }

func (s schedule) Less(i, j int) bool {
	if c := s[i].at.Compare(s[j].at); c != 0 {
		return c < 0
	}
	return s[i].seq < s[j].seq
}

func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}

func (s *schedule) Push(x any) {
	r := x.(*row)
	r.index = len(*s)
	*s = append(*s, r)
}

func (s *schedule) Pop() any {
	last := len(*s) - 1
	r := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	r.in, r.at = nil, time.Time{}
	return r
}
