package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const spinEvery = 100 * time.Millisecond

// spinner keeps one line on a terminal's stderr moving while something is waited for. Where no
// person looks it is nil, and does nothing.
type spinner struct {
	w     io.Writer
	began time.Time
	quit  chan struct{}
	ended sync.WaitGroup

	mu   sync.Mutex
	text string
}

func (a *app) spin() *spinner {
	if !terminal(a.stderr) {
		return nil
	}
	s := &spinner{w: a.stderr, began: time.Now(), quit: make(chan struct{})}
	s.ended.Go(s.run)
	return s
}

// say changes the text.
func (s *spinner) say(text string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = printable(text)
}

// stop clears the line.
func (s *spinner) stop() {
	if s == nil {
		return
	}
	close(s.quit)
	s.ended.Wait()
	_, _ = fmt.Fprint(s.w, "\r\x1b[K") // only decoration
}

func (s *spinner) run() {
	tick := time.NewTicker(spinEvery)
	defer tick.Stop()
	for turn := 0; ; turn++ {
		select {
		case <-s.quit:
			return
		case now := <-tick.C:
			s.draw(turn, now)
		}
	}
}

var spinFrames = [...]string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

func (s *spinner) draw(turn int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = fmt.Fprintf(s.w, "\r\x1b[K%s %4.1fs  %s", spinFrames[turn%len(spinFrames)], now.Sub(s.began).Seconds(), cut(s.text, 70)) // only decoration
}
