package jet_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/girohq/giro/internal/jet"
)

func TestEnsureStream(t *testing.T) {
	s := newSide(t, newBroker(t))
	want := jetstream.StreamConfig{
		Name: streamName, Subjects: []string{"orders.>", "extra"}, MaxAge: time.Hour,
		Metadata: map[string]string{"origin": "one"}, PersistMode: jetstream.AsyncPersistMode,
	}
	ensure := func(want jetstream.StreamConfig) (jet.Change, *jetstream.StreamInfo) {
		t.Helper()
		info, change, err := jet.EnsureStream(s.context(), s.js, want)
		if err != nil {
			t.Fatal(err)
		}
		return change, info
	}

	if c, info := ensure(want); !c.Created || info.Config.PersistMode != jetstream.AsyncPersistMode {
		t.Fatalf("first: %+v, persist mode %v", c, info.Config.PersistMode)
	}
	slices.Reverse(want.Subjects)
	if c, _ := ensure(want); c.Created || c.Updated != nil {
		t.Fatalf("same again: %+v", c)
	}
	// What somebody else sets stays, what we want is put right.
	if _, err := s.js.UpdateStream(s.context(), jetstream.StreamConfig{
		Name: streamName, Subjects: []string{"orders.>"}, MaxAge: time.Minute, MaxMsgs: 77,
		Metadata: map[string]string{"origin": "two", "note": "theirs"}, PersistMode: jetstream.AsyncPersistMode,
	}); err != nil {
		t.Fatal(err)
	}
	c, info := ensure(want)
	if got := strings.Join(c.Updated, " "); got != "subjects max_age metadata" {
		t.Errorf("updated %q", got)
	}
	if got := info.Config; got.MaxMsgs != 77 || got.MaxAge != time.Hour || got.Metadata["origin"] != "one" || got.Metadata["note"] != "theirs" {
		t.Errorf("config %+v", got)
	}
}

func TestEnsureStreamSaysWhatTheServerRefuses(t *testing.T) {
	s := newSide(t, newBroker(t))
	s.makeStream()
	for setting, want := range map[string]jetstream.StreamConfig{
		"persist_mode": {Name: streamName, PersistMode: jetstream.AsyncPersistMode},
		"storage":      {Name: streamName, Storage: jetstream.MemoryStorage},
		"num_replicas": {Name: streamName, Replicas: 3},
	} {
		_, _, err := jet.EnsureStream(s.context(), s.js, want)
		if !errors.Is(err, jet.ErrStreamDrift) || !strings.Contains(err.Error(), setting) || !strings.Contains(err.Error(), streamName) {
			t.Errorf("%s: %v", setting, err)
		}
	}
}

// The server of these tests knows every setting, an older one does not.
func TestEnsureStreamNoticesWhatTheServerPassesOver(t *testing.T) {
	took := &jetstream.StreamInfo{Config: jetstream.StreamConfig{Name: streamName}}
	want := jetstream.StreamConfig{Name: streamName, PersistMode: jetstream.AsyncPersistMode}
	_, _, err := jet.Verified(took, want, jet.Change{Created: true})
	if !errors.Is(err, jet.ErrStreamDrift) || !strings.Contains(err.Error(), "persist_mode") {
		t.Fatal(err)
	}
}

func TestIncarnation(t *testing.T) {
	s := newSide(t, newBroker(t))
	seen := make(map[string]bool)
	for range 3 {
		s.makeStream()
		stream, err := s.js.Stream(s.context(), streamName)
		if err != nil {
			t.Fatal(err)
		}
		token := jet.Incarnation(stream.CachedInfo())
		if seen[token] || len(token) != 12 {
			t.Errorf("token %q", token)
		}
		seen[token] = true
		s.deleteStream()
	}
}
