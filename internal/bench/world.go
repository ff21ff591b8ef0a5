package bench

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// World is what the load meets. The zero value of each field has a default, but that of FailRate and Hot: none.
type World struct {
	Banks    int     // default 2
	Accounts int     // of each bank; default 10,000
	Steps    int     // of each saga, an even number: debits and credits in turn; default 2
	Payload  int     // bytes that every start and every command carries besides
	FailRate float64 // share of sagas that are refused, half of them at the first step and half at the last
	Hot      float64 // share of sagas that debit one and the same account
	Broker   Broker  // default Inside
	// Dial connects to the broker that is Elsewhere, and Prefix keeps the streams there apart from others.
	Dial     func(name string) (*nats.Conn, error)
	Prefix   string
	Replicas int // there: how many servers keep each message
	// Program runs banks as processes of their own, if set: the giro command, with Reach, its flags for a broker
	// that is Elsewhere.
	Program string
	Reach   []string
}

// Broker says where NATS is.
type Broker string

// The brokers.
const (
	Inside    Broker = "inside"    // in this process, synced; it has a port only for banks of other processes
	Cluster   Broker = "cluster"   // three servers on loopback ports, synced, each message on all three
	Elsewhere Broker = "elsewhere" // as it is; the streams of the bench are deleted afterwards
)

// Brokers are all there are.
var Brokers = []Broker{Inside, Cluster, Elsewhere}

// What a world may have at most.
const (
	MaxBanks    = 64
	MaxAccounts = 1_000_000
	MaxSteps    = 32
	MaxPayload  = 100_000
)

// checked fills the defaults in, or says what is wrong.
func (w World) checked() (World, error) {
	fill := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	fill(&w.Banks, 2)
	fill(&w.Accounts, 10_000)
	fill(&w.Steps, 2)
	if w.Broker == "" {
		w.Broker = Inside
	}
	return w, w.Check()
}

// Check says what is wrong with a world whose fields are all set.
func (w World) Check() error {
	in := func(what string, v, least, most int) error {
		if v < least || v > most {
			return fmt.Errorf("%d %s are not %d to %d", v, what, least, most)
		}
		return nil
	}
	err := errors.Join(in("banks", w.Banks, 1, MaxBanks), in("accounts", w.Accounts, 2, MaxAccounts),
		in("steps", w.Steps, 2, MaxSteps), in("bytes of payload", w.Payload, 0, MaxPayload))
	if w.Steps%2 != 0 {
		err = errors.Join(err, fmt.Errorf("%d steps are not an even number: each debit has its credit", w.Steps))
	}
	if !(w.FailRate >= 0 && w.FailRate <= 1) || !(w.Hot >= 0 && w.Hot <= 1) {
		err = errors.Join(err, errors.New("a share is not 0 to 1"))
	}
	switch w.Broker {
	case Inside, Cluster:
	case Elsewhere:
		if w.Dial == nil {
			err = errors.Join(err, errors.New("a broker elsewhere needs a way there"))
		}
	default:
		err = errors.Join(err, fmt.Errorf("there is no broker %q: %v", w.Broker, Brokers))
	}
	return err
}

// durability is what is in force while the bench runs.
func (w World) durability() string {
	return "SQLite synchronous=FULL: every commit is synced before anything is sent; " + map[Broker]string{
		Inside:    "NATS sync_interval=always for starts, commands and replies may be made again",
		Cluster:   "NATS on three servers (R3), sync_interval=always on each",
		Elsewhere: "NATS as it is set up there, which is not seen from here",
	}[w.Broker]
}

// describe tells the world in words.
func (w World) describe() string {
	banks := "in this process"
	if w.Program != "" {
		banks = "processes of their own"
	}
	s := fmt.Sprintf("%d banks, %s, of %d accounts; %d steps; %g %% refused; broker %s", w.Banks, banks, w.Accounts, w.Steps, w.FailRate*100, w.Broker)
	if w.Payload > 0 {
		s += fmt.Sprintf("; %d bytes more in each start and command", w.Payload)
	}
	if w.Hot > 0 {
		s += fmt.Sprintf("; %g %% on one account", w.Hot*100)
	}
	return s
}
