package stage

import (
	"context"
	"strings"
	"time"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// actor is a participant that runs.
type actor struct {
	participant *participants.Participant
	db          *outbox.DB
	conn        *nats.Conn
	stop        context.CancelFunc
	ended       chan error
}

func (a *actor) halt(s *Stage) {
	a.stop()
	if err := <-a.ended; err != nil {
		s.Error(err)
	}
	a.conn.Close()
	if err := a.db.Close(); err != nil {
		s.Error(err)
	}
}

// Halt stops a participant: it is silent until [Stage.Resume].
func (s *Stage) Halt(participant string) {
	s.Helper()
	a, ok := s.actors[participant]
	if !ok {
		s.Fatalf("participant %s does not run", participant)
	}
	delete(s.actors, participant)
	a.halt(s)
}

// Resume starts a participant that was halted.
func (s *Stage) Resume(participant string) {
	s.Helper()
	for _, p := range s.cfg.Participants {
		if p.Name != participant {
			continue
		}
		a := s.enter(p)
		s.actors[participant] = a
		s.Eventually(participant+" reads its commands", a.participant.Ready)
		return
	}
	s.Fatalf("there is no participant %s", participant)
}

func (s *Stage) enter(p Participant) *actor {
	s.Helper()
	ctx, stop := context.WithCancel(context.Background())
	a := &actor{stop: stop, ended: make(chan error, 1)}
	var err error
	a.db, err = p.open(ctx, s.dir)
	s.must(err)
	a.conn, err = s.node.Connect(p.Name)
	s.must(err)
	a.participant, err = p.build(a.db, a.conn, s.clock.now, s.log)
	s.must(err)
	go func() { a.ended <- a.participant.Run(ctx) }()
	return a
}

// Wipe deletes everything that the broker keeps, under all who use it.
func (s *Stage) Wipe() {
	s.Helper()
	js, err := jetstream.New(s.conn)
	s.must(err)
	ctx := s.within()
	names := js.StreamNames(ctx)
	var ours []string
	for name := range names.Name() {
		if strings.HasPrefix(name, "SAGA_") && name != "SAGA_CANARY" { // that one is the embedded broker's own
			ours = append(ours, name)
		}
	}
	s.must(names.Err())
	for _, name := range ours {
		s.must(js.DeleteStream(ctx, name))
	}
}

// Restart stops everything and starts it again, with a pause between that lasts as long as is said.
func (s *Stage) Restart(pause time.Duration) {
	s.Helper()
	s.down()
	s.clock.forward(pause)
	s.up()
}
