package main

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// How often progress is shown: on a terminal, and in a log.
const (
	drawEvery = 100 * time.Millisecond
	tellEvery = 3 * time.Second
	barWidth  = 30
)

// progress shows on stderr how far a long work is: a bar on a terminal, elsewhere a line each few
// seconds.
type progress struct {
	app   *app
	what  string // "transfers"
	done  func() int
	total int
	first int // were done when it began
	began time.Time
	quit  chan struct{}
	ended sync.WaitGroup
}

// showProgress shows until stop.
func (a *app) showProgress(what string, total int, done func() int) *progress {
	p := &progress{app: a, what: what, total: total, done: done, first: done(), began: time.Now(), quit: make(chan struct{})}
	p.ended.Go(p.run)
	return p
}

// stop ends the showing and clears the bar.
func (p *progress) stop() {
	close(p.quit)
	p.ended.Wait()
	if terminal(p.app.stderr) {
		_, _ = fmt.Fprint(p.app.stderr, "\r\x1b[K") // only decoration
	}
}

func (p *progress) run() {
	every, show := tellEvery, p.tell
	if terminal(p.app.stderr) {
		every, show = drawEvery, p.draw
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-p.quit:
			return
		case now := <-tick.C:
			show(p.done(), now.Sub(p.began))
		}
	}
}

func (p *progress) draw(done int, took time.Duration) {
	full := barWidth
	if p.total > 0 {
		full = min(barWidth*done/p.total, barWidth)
	}
	bar := strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
	_, _ = fmt.Fprintf(p.app.stderr, "\r\x1b[K%s %s", bar, p.text(done, took)) // only decoration
}

func (p *progress) tell(done int, took time.Duration) { p.app.note("%s", p.text(done, took)) }

func (p *progress) text(done int, took time.Duration) string {
	rate := float64(done-p.first) / took.Seconds()
	return fmt.Sprintf("%s of %s %s, %s/s", thousands(int64(done)), thousands(int64(p.total)), p.what, thousands(int64(rate)))
}
