package bench

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// The floor makes each transfer that it answers, as Giro does, and both are measured.
func TestShares(t *testing.T) {
	dir := t.TempDir()
	s, err := RunShares(t.Context(), ShareConfig{Data: dir, Clients: []int{1, 8}, Duration: 200 * time.Millisecond, Rounds: 3, Accounts: 50, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	if !s.Audit.OK || s.Audit.Judged == 0 || len(s.Levels) != 2 {
		t.Errorf("%+v", s)
	}
	for _, l := range s.Levels {
		for _, side := range []Level{l.Floor, l.Giro} {
			if side.Transfers == 0 || side.Completed != side.Transfers || side.PerSecond <= 0 || side.Commits <= 0 || side.Latency.P50 <= 0 {
				t.Errorf("%+v", side)
			}
		}
		if l.PerSecond <= 0 {
			t.Errorf("share %+v", l)
		}
	}
	sagas := count(t, dir, "floor/floor.db", `SELECT count(*) FROM sagas WHERE state = 'completed'`)
	if n := count(t, dir, "floor/floor.db", `SELECT count(*) FROM history`); sagas == 0 || n != 3*sagas {
		t.Errorf("%d rows of history for %d transfers of the floor", n, sagas)
	}
	if n := count(t, dir, "floor/floor.db", `SELECT count(*) FROM outbox`); n != 0 {
		t.Errorf("%d commands are left", n)
	}
	entries, moved := 0, 0
	for _, bank := range []string{"B1", "B2"} {
		entries += count(t, dir, "floor/floor-"+bank+".db", `SELECT count(*) FROM entries JOIN inbox USING (saga, step)`)
		moved += count(t, dir, "floor/floor-"+bank+".db", `SELECT sum(balance) - 50 * 1000000000 FROM accounts`)
	}
	if entries != 2*sagas || moved != 0 {
		t.Errorf("%d entries for %d transfers of the floor, and the balances are %d off", entries, sagas, moved)
	}
}

// What is recorded is read again, and what is worse by more than a tenth is told.
func TestRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shares.json")
	r := NewRecord(&Shares{Levels: []Share{{Clients: 1, PerSecond: 0.8, CPU: 1.2}, {Clients: 256, PerSecond: 0.5, CPU: 2}}})
	if err := r.Write(path); err != nil {
		t.Fatal(err)
	}
	read, err := ReadRecord(path)
	if err != nil || !reflect.DeepEqual(read, r) {
		t.Fatalf("%+v %v", read, err)
	}
	for want, now := range map[int][]Share{
		0: {{Clients: 1, PerSecond: 0.73, CPU: 1.31}, {Clients: 256, PerSecond: 0.9, CPU: 1}, {Clients: 7, PerSecond: 0.1, CPU: 9}},
		1: {{Clients: 1, PerSecond: 0.71, CPU: 1.2}},
		2: {{Clients: 1, PerSecond: 0.9, CPU: 1.4}, {Clients: 256, PerSecond: 0.4, CPU: 2}},
	} {
		if losses := r.Losses(&Shares{Levels: now}); len(losses) != want {
			t.Errorf("%d losses are wanted: %v", want, losses)
		}
	}
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, path + "x"} {
		if _, err := ReadRecord(file); err == nil {
			t.Errorf("%s is taken for a record", filepath.Base(file))
		}
	}
}

// A picture is drawn of what was measured, and of nothing else.
func TestCurve(t *testing.T) {
	r := &Report{Levels: []Level{{Door: NATS, PerSecond: 400}, {Door: NATS, PerSecond: 4000}, {Door: HTTP, PerSecond: 300}}}
	r.Levels[1].Latency.P50, r.Levels[1].Latency.P99 = 10*time.Millisecond, time.Second
	for _, ending := range []string{".svg", ".png"} {
		path := filepath.Join(t.TempDir(), "curve"+ending)
		if err := WriteCurve(path, r); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() < 1000 {
			t.Errorf("%v %v", info, err)
		}
		if WriteCurve(path, &Report{}) == nil || WriteCurve(path+"x", r) == nil {
			t.Error("a picture of nothing, or of no format")
		}
	}
}
