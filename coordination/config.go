package coordination

import (
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/girohq/giro/races"
)

// What the zero values of the configurations mean, and the bounds.
const (
	DefaultTTL  = 10 * time.Second // after the last renewal, by the server's clock
	DefaultWait = time.Minute      // for a lock that is held

	minTTL = time.Second // the server expires whole seconds
	maxTTL = time.Hour
	// maxName keeps a subject far below what the server takes for one.
	maxName = 200
	// answerTime is how long one request waits: the server asked may be gone, and another the one
	// to ask. patience is how long a call that waits for nobody asks again.
	answerTime = time.Second
	patience   = 5 * time.Second
)

// Config is where locks live and how long they last.
type Config struct {
	JetStream jetstream.JetStream // required
	Bucket    string              // a key-value bucket that only locks use; "locks" if empty
	Replicas  int                 // of the bucket, 1 if 0; 3 or 5 need a cluster
	TTL       time.Duration       // whole seconds, 1 s to 1 h, DefaultTTL if 0; renewed every third of it
	Wait      time.Duration       // the longest [Locks.Acquire] waits; DefaultWait if 0
	Owner     string              // who holds, for people to read; host and process id if empty
	Races     *races.Counts       // waits, and locks that were lost; its own if nil
}

func (c Config) checked() (Config, error) {
	if c.Bucket == "" {
		c.Bucket = "locks"
	}
	if c.TTL == 0 {
		c.TTL = DefaultTTL
	}
	if c.Wait == 0 {
		c.Wait = DefaultWait
	}
	if c.Owner == "" {
		host, _ := os.Hostname() // a label: without a host name the process id must do
		c.Owner = fmt.Sprintf("%s/%d", host, os.Getpid())
	}
	c.Races = races.Or(c.Races)
	switch {
	case c.JetStream == nil:
		return c, fmt.Errorf("%w: locks need a JetStream", ErrInvalid)
	case !plain.MatchString(c.Bucket):
		return c, fmt.Errorf("%w: bucket %q: letters, digits, - and _", ErrInvalid, c.Bucket)
	case c.TTL < minTTL || c.TTL > maxTTL || c.TTL%time.Second != 0:
		return c, fmt.Errorf("%w: TTL %s: whole seconds from %s to %s", ErrInvalid, c.TTL, minTTL, maxTTL)
	case c.Wait < 0 || len(c.Owner) > maxName:
		return c, fmt.Errorf("%w: wait %s, owner of %d bytes (at most %d)", ErrInvalid, c.Wait, len(c.Owner), maxName)
	}
	return c, nil
}

var (
	plain = regexp.MustCompile(`^[-_a-zA-Z0-9]{1,64}$`)
	// dotted is a key as JetStream key-value takes it, none of its tokens empty.
	dotted = regexp.MustCompile(`^[-/_=a-zA-Z0-9]+(\.[-/_=a-zA-Z0-9]+)*$`)
)

// checkName refuses what is no key: it would be another subject, or none.
func checkName(name string) error {
	if len(name) > maxName || !dotted.MatchString(name) {
		return fmt.Errorf("%w: name %.40q: up to %d letters, digits, - / _ = in tokens joined by dots", ErrInvalid, name, maxName)
	}
	return nil
}
