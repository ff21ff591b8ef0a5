package sagatest

import "time"

const commitTime = 500 * time.Microsecond // of one transaction, its fsync included

// process is what the orchestrator and the participants have in common: they take what has
// arrived as one batch, commit, publish, acknowledge, and can be killed between any two of these.
type process struct {
	clock   *clock
	dice    *dice
	trace   *trace
	name    string
	up      bool
	life    int           // grows with each restart: what was planned in an earlier life is void
	resumes time.Duration // paused until then
	awake   bool          // a commit is planned
	commit  func()
	restart func()
}

// wake plans a commit, unless one is planned.
func (p *process) wake() {
	if p.awake {
		return
	}
	p.awake = true
	if p.dice.strikes(Pause) {
		p.resumes = p.clock.now + p.dice.Scale(time.Second, 5*time.Minute)
		p.trace.add(p.name, "paused", "")
	}
	p.later(commitTime, func() {
		p.awake = false
		p.commit()
	})
}

// later plans do in this life of the process, not before it resumes from a pause.
func (p *process) later(d time.Duration, do func()) {
	life := p.life
	p.clock.after(max(d, p.resumes-p.clock.now), func() {
		switch {
		case p.life != life:
		case p.resumes > p.clock.now:
			p.later(0, do)
		default:
			do()
		}
	})
}

// killed draws whether the process dies at this edge of its commit. It comes back after a while.
func (p *process) killed(edge Fault) bool {
	if !p.dice.strikes(edge) {
		return false
	}
	p.trace.add(p.name, edge.String(), "")
	p.up, p.awake, p.resumes = false, false, 0
	p.life++
	p.clock.after(p.dice.Scale(50*time.Millisecond, time.Minute), func() {
		p.up = true
		p.trace.add(p.name, "restart", "")
		p.restart()
	})
	return true
}
