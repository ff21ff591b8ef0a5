package participants

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go/micro"
)

// announce registers the participant as the micro service giro-<name>, so that `nats service ls`
// shows who is there and what it can do. Its endpoints are the verb races, which everybody answers, and the
// call of an orchestrator that has started: commands come through the stream.
func (p *Participant) announce() (micro.Service, error) {
	s, err := micro.AddService(p.conn, micro.Config{
		Name:        p.service(),
		Version:     "1.0.0", // of the protocol
		Description: "saga participant " + p.name,
		Metadata: map[string]string{
			"actions": actionList(p.forwards),
			"undos":   actionList(p.undos),
			"store":   p.db.StoreID(),
			"prefix":  p.names.Prefix(),
		},
	})
	if err != nil {
		return nil, err
	}
	err = s.AddEndpoint(wire.VerbRaces, micro.HandlerFunc(p.answerRaces), micro.WithEndpointSubject(p.names.API(wire.VerbRaces)),
		micro.WithEndpointQueueGroupDisabled(), micro.WithEndpointMetadata(map[string]string{"description": `{} -> {"part","store","since","races"}`}))
	if err == nil {
		err = s.AddEndpoint("call", micro.HandlerFunc(p.answerCall), micro.WithEndpointSubject(p.names.API(wire.VerbCall)),
			micro.WithEndpointQueueGroupDisabled(), micro.WithEndpointMetadata(map[string]string{"description": "an orchestrator has started: say hello"}))
	}
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (p *Participant) answerRaces(r micro.Request) {
	counted := wire.Races{Part: p.service(), Store: p.db.StoreID(), Since: saga.Time{Time: p.since}, Races: p.races.Map()}
	if err := r.RespondJSON(counted); err != nil {
		p.log.Debug().Err(err).Msg("answer races")
	}
}

// retire takes the service back. Without a connection there is nobody to tell.
func (p *Participant) retire(s micro.Service) {
	if err := s.Stop(); err != nil {
		p.log.Debug().Err(err).Msg("stop service")
	}
}

func actionList(handlers map[string]handler) string {
	return strings.Join(slices.Sorted(maps.Keys(handlers)), ",")
}

// service is the participant's name among the micro services.
func (p *Participant) service() string { return "giro-" + p.name }
