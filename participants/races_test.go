package participants

import (
	"maps"
	"testing"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/races"
	"github.com/girohq/giro/saga"
	"github.com/google/go-cmp/cmp"
)

// raced are the counters that are not zero.
func (k *kit) raced() map[string]uint64 {
	all := k.w.p.Races().Map()
	maps.DeleteFunc(all, func(_ string, n uint64) bool { return n == 0 })
	return all
}

// arrives is apply with the count that a running participant makes after its commit.
func (k *kit) arrives(c saga.Command, from string) {
	k.Helper()
	d := &delivery{command: c, envelope: wire.Envelope{Origin: from}}
	must(k, k.applyDelivery(d))
	k.w.Committed([]*delivery{d})
}

// TestRacesAreCounted: each command that the barrier does not simply carry out moves its counter, once.
func TestRacesAreCounted(t *testing.T) {
	other := forward("")
	other.Body = []byte(`{"mode":"another"}`)
	closing := backward("", saga.KnownUnknown)
	closing.Direction, closing.Known = saga.Close, ""
	for name, c := range map[string]struct {
		before, then []saga.Command
		from         string
		want         map[races.Kind]uint64
	}{
		"the straight way":         {nil, []saga.Command{forward(""), backward("", saga.KnownSucceeded)}, origin, nil},
		"a command again":          {[]saga.Command{forward("")}, []saga.Command{forward(""), forward("")}, origin, map[races.Kind]uint64{races.DuplicateCommand: 2}},
		"an undo again":            {[]saga.Command{forward(""), backward("", saga.KnownSucceeded)}, []saga.Command{backward("", saga.KnownSucceeded)}, origin, map[races.Kind]uint64{races.DuplicateCommand: 1}},
		"an undo overtakes":        {nil, []saga.Command{backward("", saga.KnownUnknown), forward("")}, origin, map[races.Kind]uint64{races.FenceSet: 1, races.OutOfOrder: 1, races.FenceRefused: 1}},
		"an overtaking undo again": {[]saga.Command{backward("", saga.KnownUnknown)}, []saga.Command{backward("", saga.KnownUnknown)}, origin, map[races.Kind]uint64{races.DuplicateCommand: 1}},
		"a command after its undo": {[]saga.Command{forward(""), backward("", saga.KnownSucceeded)}, []saga.Command{forward("")}, origin, map[races.Kind]uint64{races.FenceRefused: 1}},
		"an inquiry overtakes":     {nil, []saga.Command{inquire(""), inquire(""), backward("", saga.KnownUnknown)}, origin, map[races.Kind]uint64{races.FenceSet: 1}},
		"a closing overtakes":      {nil, []saga.Command{closing, closing}, origin, map[races.Kind]uint64{races.FenceSet: 1, races.DuplicateCommand: 1}},
		"other content":            {[]saga.Command{forward("")}, []saga.Command{other}, origin, map[races.Kind]uint64{races.ContentConflict: 1}},
		"another origin":           {[]saga.Command{forward("")}, []saga.Command{forward("")}, "origin2", map[races.Kind]uint64{races.OriginConflict: 1}},
		"a record that is missing": {nil, []saga.Command{backward("", saga.KnownSucceeded)}, origin, map[races.Kind]uint64{races.RecordConflict: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t)
			for _, command := range c.before {
				must(k, k.applyDelivery(&delivery{command: command, envelope: wire.Envelope{Origin: origin}}))
			}
			for _, command := range c.then {
				k.arrives(command, c.from)
			}
			want := map[string]uint64{}
			for kind, n := range c.want {
				want[kind.Name()] = n
			}
			if diff := cmp.Diff(want, k.raced()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
