package lab

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// sequence is changes that go through the broker to a running participant, whose writers have a lane
// for each key: see [participants.ByKey].
type sequence struct {
	load  Load
	db    participants.Database
	drop  func() error
	names wire.Names
	conn  *nats.Conn
	js    jetstream.JetStream

	sent     []chan struct{} // by change; closed when the stream has it
	answered []chan error    // by change
	stop     context.CancelFunc
	ended    chan error // what Run has returned
}

// itemChange is the argument of the participant's change.
type itemChange struct {
	Item   int `json:"item"`
	Number int `json:"number"`
}

func inStreamOrder(ctx context.Context, w *World, on Database, load Load) (*Trial, error) {
	db, drop, err := w.participantDB(ctx, on, itemTable)
	if err != nil {
		return nil, err
	}
	s := &sequence{load: load, db: db, drop: drop, ended: make(chan error, 1)}
	for range load.Ops {
		s.sent, s.answered = append(s.sent, make(chan struct{})), append(s.answered, make(chan error, 1))
	}
	if err := s.open(ctx, w); err != nil {
		return nil, errors.Join(err, s.close())
	}
	do := func(ctx context.Context, _, n int) error { return s.do(ctx, n) }
	return &Trial{Do: do, Close: s.close, Anomalies: func(ctx context.Context) (int, error) {
		return outdated(ctx, db.Read(), load)
	}}, nil
}

// open makes the streams, and starts the participant.
func (s *sequence) open(ctx context.Context, w *World) (err error) {
	if s.names, err = wire.New(strings.ToLower(w.Name())); err != nil {
		return err
	}
	if s.conn, err = w.Connect("giro lab sequence"); err != nil {
		return err
	}
	if s.js, err = jetstream.New(s.conn); err != nil {
		return err
	}
	for name, subject := range s.streams() {
		if _, err := s.js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{subject}, Storage: w.storage()}); err != nil {
			return err
		}
	}
	if _, err := s.conn.Subscribe(s.names.ReplyFilter(), s.hear); err != nil {
		return err
	}
	p, err := participants.New(participants.Config{Name: labParticipant, DB: s.db, Conn: s.conn, Prefix: s.names.Prefix(), Log: zerolog.Nop()})
	if err != nil {
		return err
	}
	participants.Handle(p, "change", func(ctx context.Context, tx participants.Tx, c itemChange) (struct{}, error) {
		_, err := tx.ExecContext(ctx, setState, c.Item, c.Number)
		return struct{}{}, err
	})
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	go func() { s.ended <- p.Run(running) }()
	return nil
}

func (s *sequence) streams() map[string]string {
	return map[string]string{
		s.names.Commands(): s.names.CommandFilter("*"),
		s.names.Replies():  s.names.ReplyFilter(),
		s.names.Dead():     s.names.DeadFilter(),
	}
}

// do sends a change when the one before it is in the stream, and waits until it is applied.
func (s *sequence) do(ctx context.Context, n int) error {
	item, number := s.load.change(n)
	if number > 1 {
		select {
		case <-s.sent[n-s.load.items()]:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c := saga.Command{SagaID: sequenceID + strconv.Itoa(n), SagaType: "lab", Step: "change", Kind: saga.Retriable, Direction: saga.Forward,
		Attempt: 1, Participant: labParticipant, Action: "change", Key: strconv.Itoa(item)}
	subject, header := wire.EncodeCommand(s.names, c, labOrigin)
	header.Set(wire.HeaderAttempt, "1")
	body := fmt.Appendf(nil, `{"item":%d,"number":%d}`, item, number)
	if _, err := s.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Header: header, Data: body}); err != nil {
		return err
	}
	close(s.sent[n])
	select {
	case err := <-s.answered[n]:
		return err
	case err := <-s.ended:
		s.ended <- err
		return fmt.Errorf("the participant has ended: %w", err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sequenceID begins the saga's id; the number of the change is the rest.
const sequenceID = "change-"

// hear takes a reply. An answer may come twice.
func (s *sequence) hear(m *nats.Msg) {
	r, _, err := wire.DecodeReply(s.names, m.Subject, m.Header, m.Data)
	n, malformed := strconv.Atoi(strings.TrimPrefix(r.SagaID, sequenceID))
	if malformed != nil || n < 0 || n >= len(s.answered) {
		return // of nobody's change
	}
	if err == nil && r.Outcome != saga.Succeeded {
		err = unexpected(r)
	}
	select {
	case s.answered[n] <- err:
	default:
	}
}

// closeFor bounds the wait for a broker that does not take a stream away.
const closeFor = 10 * time.Second

func (s *sequence) close() error {
	var all []error
	if s.stop != nil {
		s.stop()
		all = append(all, <-s.ended)
	}
	if s.js != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeFor)
		defer cancel()
		for name := range s.streams() {
			if err := s.js.DeleteStream(ctx, name); !errors.Is(err, jetstream.ErrStreamNotFound) {
				all = append(all, err)
			}
		}
	}
	if s.conn != nil {
		s.conn.Close()
	}
	return errors.Join(append(all, s.db.Close(), s.drop())...)
}
