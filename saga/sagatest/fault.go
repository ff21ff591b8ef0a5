package sagatest

import "time"

// Fault is one kind of thing that goes wrong.
type Fault int

// The faults. Each has a rate in [Faults]; its unit is in the comment.
const (
	Loss              Fault = iota // a message never reaches the broker; chance per publish
	AckLoss                        // it is stored, the PubAck is lost; chance per publish
	Repeat                         // it is delivered once more, later; chance per message
	Delay                          // it takes milliseconds to minutes, so that others overtake; chance per message
	BrokerDown                     // the broker is away for seconds to minutes; times a minute
	BrokerForgets                  // the broker restarts without what it has de-duplicated; times a minute
	TailCut                        // the broker loses its latest messages; times a minute
	StoreWiped                     // the broker's whole store is deleted; times a minute
	OldCopy                        // the broker's store is restored from an old copy; times a minute
	CrashBeforeCommit              // a process is killed before its commit; chance per commit
	CrashAfterCommit               // ... after it, before anything is published; chance per commit
	CrashAfterPublish              // ... after publishing, before acknowledging; chance per commit
	Pause                          // a process stands still, then goes on; chance per commit
	Transient                      // a handler asks for a retry; chance per call
	Refusal                        // a handler refuses; chance per call
	Skew                           // a participant's clock is wrong; chance per participant
	Cancel                         // a client cancels; chance per saga
	Deadline                       // a client sets a short deadline; chance per saga
	RepeatedStart                  // a client starts its saga again; chance per saga
	OtherStart                     // a client uses a known id for another input; chance per saga
	Operator                       // a person retries a suspended saga; chance per suspension
	EarlySignal                    // a signal comes before it is waited for, or nobody ever waits; chance per move
	OtherSignal                    // a signal that rejects a step comes; chance per move
	Wish                           // an operator skips, resolves, cancels or abandons; chance per move
	Postpone                       // a saga was paused for a while; chance per move
	faultCount
)

var faultNames = [faultCount]string{
	"message lost", "PubAck lost", "message repeated", "message delayed",
	"broker down", "broker forgets ids", "broker's tail cut", "broker's store wiped", "old copy restored",
	"crash before commit", "crash after commit", "crash after publish", "process paused",
	"handler asks for retry", "handler refuses", "clock wrong",
	"cancel", "short deadline", "start repeated", "id used again", "operator retries",
	"early signal", "rejecting signal", "operator wishes", "saga paused",
}

func (f Fault) String() string { return faultNames[f] }

// AllFaults returns every kind of fault.
func AllFaults() []Fault {
	all := make([]Fault, faultCount)
	for i := range all {
		all[i] = Fault(i)
	}
	return all
}

// Faults says how often each kind of fault happens; a kind that is absent never does.
type Faults map[Fault]float64

// worst is the highest rate that [Swarm] draws for a fault.
var worst = [faultCount]float64{
	Loss: 0.3, AckLoss: 0.2, Repeat: 0.3, Delay: 0.3,
	BrokerDown: 1, BrokerForgets: 2, TailCut: 2, StoreWiped: 1, OldCopy: 1,
	CrashBeforeCommit: 0.05, CrashAfterCommit: 0.05, CrashAfterPublish: 0.05, Pause: 0.02,
	Transient: 0.7, Refusal: 0.2, Skew: 0.5,
	Cancel: 0.3, Deadline: 0.3, RepeatedStart: 0.3, OtherStart: 0.2, Operator: 1,
	EarlySignal: 0.3, OtherSignal: 0.1, Wish: 0.2, Postpone: 0.05,
}

// Swarm draws the faults of a run from its seed: about half of the kinds, each at a rate between
// nothing and the worst. Runs in which a few kinds meet find more than runs in which all do.
func Swarm(r *Rand) Faults {
	faults := Faults{}
	for _, f := range AllFaults() {
		if r.Chance(0.5) {
			faults[f] = worst[f] * r.Float64()
		}
	}
	return faults
}

// dice decides when faults strike, and counts them. After the fault window it never strikes.
type dice struct {
	*Rand
	clock *clock
	until time.Duration
	rate  [faultCount]float64
	fired [faultCount]int
}

func newDice(r *Rand, c *clock, faults Faults, until time.Duration) *dice {
	d := &dice{Rand: r, clock: c, until: until}
	for f, rate := range faults {
		d.rate[f] = rate
	}
	return d
}

// strikes draws whether a fault happens now.
func (d *dice) strikes(f Fault) bool {
	if d.clock.now >= d.until || !d.Chance(d.rate[f]) {
		return false
	}
	d.fired[f]++
	return true
}

// schedule plans the faults that come by the minute.
func (d *dice) schedule(f Fault, do func()) {
	times := int(d.rate[f]*d.until.Minutes() + d.Float64())
	for range times {
		d.clock.after(d.Between(0, d.until), func() { d.fired[f]++; do() })
	}
}
