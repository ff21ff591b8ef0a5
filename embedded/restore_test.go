package embedded

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/participants/ledger"
)

// TestRestoredParticipant: a bank that is started on an older copy is noticed before it serves; what the copy
// lacks is done again, and every sum is as it was.
func TestRestoredParticipant(t *testing.T) {
	r := newRestoreRig(t)
	file := ledger.FileName("B")
	r.start()
	r.ready()
	r.transfer("one", 60)
	var copied string
	var copying sync.WaitGroup
	copying.Go(func() { copied = r.copyOf(file) })
	r.transfer("two", 200)
	copying.Wait()
	r.transfer("three", 60)
	r.stop()
	r.audit()
	if r.log.say("quarantined") {
		t.Error("nothing was restored yet")
	}
	r.restore(file, copied)
	r.start()
	r.ready()
	if !r.log.say("its database is an older copy") || !r.log.say("no longer quarantined") {
		t.Errorf("not noticed: %s", r.log.all)
	}
	r.transfer("four", 60)
	r.stop()
	r.audit()
	r.start()
	r.ready()
	if r.log.say("quarantined") {
		t.Errorf("noticed without a cause: %s", r.log.all)
	}
	r.stop()
}

// TestRestoredOrchestrator: an orchestrator that is started on an older copy sends nothing. It says which starts
// are lost; once a person has decided, it goes on from what the participants know, and starts that are repeated
// find what was done for them.
func TestRestoredOrchestrator(t *testing.T) {
	r := newRestoreRig(t)
	r.start()
	r.ready()
	r.transfer("one", 60)
	var copied string
	var copying sync.WaitGroup
	copying.Go(func() { copied = r.copyOf(OrchestratorFile) })
	r.transfer("two", 200)
	copying.Wait()
	r.transfer("three", 60)
	before := r.balances()
	r.stop()
	r.restore(OrchestratorFile, copied)
	for _, broker := range []string{"kept", "lost"} {
		if broker == "lost" {
			r.must(os.RemoveAll(filepath.Join(r.dir, "nats")))
			r.restore(OrchestratorFile, copied)
		}
		r.start()
		r.eventually("quarantined", func() bool { return r.copy().Quarantined })
		if broker == "kept" {
			r.stop()
		}
	}
	r.eventually("all have told", func() bool { return len(r.copy().Silent) == 0 })
	c := r.copy()
	if c.Lost < 60 {
		t.Errorf("%d lost starts are told: %+v", c.Lost, c)
	}
	sent := r.node.orchestrator
	r.call(wire.VerbCopyAccept, wire.CopyRequest{Reason: "a test"}, &c)
	if c.Quarantined || c.Ahead > 0 {
		t.Errorf("%+v", c)
	}
	r.ready()
	r.transfer("two", 200)
	r.transfer("three", 60)
	if c = r.copy(); c.Lost+c.Ahead > 0 || len(sent.Health().Paused) > 0 {
		t.Errorf("%+v", c)
	}
	if after := r.balances(); after != before {
		t.Errorf("balances %s, and they were %s", after, before)
	}
	r.transfer("four", 60)
	r.stop()
	r.audit()
	r.start()
	r.ready()
	if r.copy().Quarantined {
		t.Errorf("noticed without a cause: %s", r.log.all)
	}
	r.stop()
}

// TestRestoredTogether puts back any of the databases, each to another moment. It is noticed. What only one of
// them knew is paused and told; all else is as it was when the starts are repeated.
func TestRestoredTogether(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	files := []string{OrchestratorFile, ledger.FileName("A"), ledger.FileName("B")}
	for round := range rounds {
		r := newRestoreRig(t)
		copies := r.copiesAtMoments(files, rng.Perm(len(files)))
		before := r.balances()
		r.stop()
		restored := files
		if round%2 == 1 {
			restored = []string{files[rng.IntN(3)]}
		}
		for _, file := range restored {
			r.restore(file, copies[file])
		}
		r.start()
		r.eventually("noticed", func() bool { return r.log.say("older copy") })
		told := r.decide()
		r.ready()
		r.patience = "2" // some are paused
		for part := range 3 {
			r.transfer(fmt.Sprintf("p%d", part), 100)
		}
		if after := r.balances(); len(restored) == 1 && after != before {
			t.Errorf("restored %v: balances %s, and they were %s", restored, after, before)
		}
		if len(restored) == 1 && told != "" {
			t.Errorf("restored %v: a person must look at %s", restored, told)
		}
		told += r.resumeAll() // what was repeated and is known of in part
		r.eventually("all ends", func() bool { return r.count("running")+r.count("compensating") == 0 })
		r.stop()
		r.auditBut(told)
	}
}
