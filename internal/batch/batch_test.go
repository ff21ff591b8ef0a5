package batch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/girohq/giro/internal/audit"
	"github.com/girohq/giro/internal/drive"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/google/go-cmp/cmp"
)

// write makes a file of transfers from lines without their header.
func write(t *testing.T, lines ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "transfers.csv")
	text := ledger.TransfersHeader + "\n" + strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func read(t *testing.T, transfers, accounts string) *Batch {
	t.Helper()
	b, err := Read(transfers, accounts)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func run(t *testing.T, b *Batch, cfg Config) *Result {
	t.Helper()
	r, err := b.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Audit.OK {
		t.Fatalf("violations: %v", r.Audit.Violations)
	}
	return r
}

// many are lines of n transfers from HOME over two banks; every tenth goes to an account that
// nobody has opened, when there is a file of accounts.
func many(n int) (lines []string) {
	for i := range n {
		to := "to"
		if i%10 == 9 {
			to = "nobody"
		}
		lines = append(lines, fmt.Sprintf("T-%d,HOME,from,BANK%d,%s,1.50,EUR", i, i%2, to))
	}
	return lines
}

func manyAccounts(t *testing.T, opening string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "accounts.csv")
	text := ledger.AccountsHeader + "\nHOME,from,EUR," + opening + "\nBANK0,to,EUR,0\nBANK1,to,EUR,0\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestRun runs a file with refusals, in a small window, while audits read beside it.
func TestRun(t *testing.T) {
	data := t.TempDir()
	b := read(t, write(t, many(300)...), manyAccounts(t, "10000"))
	tally := drive.NewTally()
	ctx, stop := context.WithCancel(t.Context())
	audited := make(chan int)
	r := run(t, b, Config{Data: data, Window: 20, Tally: tally, Begun: func(alreadyDone int) {
		if alreadyDone != 0 {
			t.Errorf("%d already done", alreadyDone)
		}
		go func() { audited <- auditBeside(t, ctx, data) }()
	}})
	stop()
	if n := <-audited; n == 0 {
		t.Error("no audit saw the run: the test proves little")
	}
	if want := (drive.Counts{Completed: 270, Compensated: 30}); r.Counts != want || r.Left() != 0 {
		t.Errorf("counts %+v, %d left, want %+v", r.Counts, r.Left(), want)
	}
	if tally.Causes()[ledger.CodeNoSuchAccount] != 30 {
		t.Errorf("causes %v", tally.Causes())
	}
	want := []audit.Position{
		{Bank: "BANK0", Currency: "EUR", Accounts: 1, Balance: 150 * 150, Settled: 150 * 150},
		{Bank: "BANK1", Currency: "EUR", Accounts: 1, Balance: 120 * 150, Settled: 120 * 150},
		{Bank: "HOME", Currency: "EUR", Accounts: 1, Balance: 1_000_000 - 270*150, Settled: 1_000_000 - 270*150},
	}
	if diff := cmp.Diff(want, r.Audit.Banks); diff != "" {
		t.Error(diff)
	}
	if r.Audit.Judged != 300 || len(r.Audit.InFlight) != 0 {
		t.Errorf("judged %d, in flight %v", r.Audit.Judged, r.Audit.InFlight)
	}
}

// auditBeside audits a running system again and again: nothing is ever wrong, and the money that is
// not on accounts is in flight. It returns how often it met sagas under way.
func auditBeside(t *testing.T, ctx context.Context, data string) (live int) {
	for ctx.Err() == nil {
		files, err := audit.In(data)
		if err != nil || len(files.Banks) < 3 {
			continue // not there yet
		}
		r, err := audit.Run(ctx, files)
		switch {
		case err != nil: // not there yet, or stopped
			continue
		case !r.OK:
			t.Errorf("beside the run: %v", r.Violations)
			return live
		}
		if r.Live > 0 {
			live++
		}
		checkSum(t, r, 1_000_000)
	}
	return live
}

func checkSum(t *testing.T, r *audit.Report, want int64) {
	var sum int64
	for _, b := range r.Banks {
		sum += b.Balance
	}
	for _, f := range r.InFlight {
		sum += f.Amount
	}
	if sum != want && sum != 0 {
		t.Errorf("balances and money in flight come to %d, want %d", sum, want)
	}
}

// TestRunAgain holds that what has ended is not run again, that more lines may come, and that
// each paying account opens with what it pays when there is no file of accounts.
func TestRunAgain(t *testing.T) {
	data := t.TempDir()
	first := run(t, read(t, write(t, many(5)...), ""), Config{Data: data})
	if first.Completed != 5 || first.AlreadyDone != 0 {
		t.Fatalf("%+v", first)
	}
	again := run(t, read(t, write(t, append(many(5), "T-new,BANK0,to,HOME,from,0.50,EUR", "T-back,THIRD,x,THIRD,y,1,CHF")...), ""), Config{Data: data})
	if again.Transfers != 7 || again.AlreadyDone != 5 || again.Completed != 2 || again.Before.Completed != 5 {
		t.Errorf("%+v", again)
	}
	// The banks of the first file are brought up although this one does not name them: their sagas
	// may still be under way.
	last := run(t, read(t, write(t, "T-only,THIRD,y,THIRD,x,1,CHF"), ""), Config{Data: data})
	if last.Completed != 1 || boots(t, data, "BANK1") != 3 || boots(t, data, "THIRD") != 2 {
		t.Errorf("%+v, BANK1 was opened %d times", last, boots(t, data, "BANK1"))
	}
}

// boots is how often a bank's database was opened by an owner.
func boots(t *testing.T, data, bank string) (n int) {
	t.Helper()
	db, err := outbox.OpenReadOnly(filepath.Join(data, ledger.FileName(bank)))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Get(&n, `SELECT value FROM meta WHERE key = 'boot'`); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWithExisting adds the banks of a directory to those that are planned, each once.
func TestWithExisting(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b]*") // no pattern
	planned := []ledger.Branch{{Bank: "A", Accounts: []ledger.Account{{Account: "1"}}}}
	if got, err := WithExisting(dir, planned); err != nil || len(got) != 1 {
		t.Errorf("without a directory: %v, %v", got, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ledger-A.db", "ledger-B.db", "ledger-B.db-wal", "ledger-B.db.lock", "ledger-.db", "orchestrator.db"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := WithExisting(dir, planned)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]ledger.Branch{planned[0], {Bank: "B"}}, got); diff != "" {
		t.Error(diff)
	}
}

// TestConflicts holds that a known id with another input stops everything before it begins.
func TestConflicts(t *testing.T) {
	data := t.TempDir()
	run(t, read(t, write(t, many(3)...), ""), Config{Data: data})
	name := write(t, "T-fresh,HOME,from,BANK1,to,1.50,EUR", "", `"T-1",HOME,from,BANK1,to,9.99,EUR`, "T-2,HOME,from,BANK0,to,1.50,EUR")
	_, err := read(t, name, "").Run(t.Context(), Config{Data: data})
	var conflicts *Conflicts
	if !errors.As(err, &conflicts) {
		t.Fatalf("error %v", err)
	}
	want := []string{name + ":4: id T-1 is taken: it was started before with another type or input"}
	if diff := cmp.Diff(want, conflicts.Lines); diff != "" {
		t.Error(diff)
	}
	if r := run(t, read(t, write(t, many(3)...), ""), Config{Data: data}); r.Audit.Judged != 3 {
		t.Errorf("%d sagas: something of the refused file was started", r.Audit.Judged)
	}
}

// TestRunAgainAfterArchive: what is archived has ended, and its id is taken.
func TestRunAgainAfterArchive(t *testing.T) {
	data := t.TempDir()
	run(t, read(t, write(t, many(4)...), ""), Config{Data: data})
	archive(t, data, read(t, write(t, many(3)...), ""))
	again := run(t, read(t, write(t, append(many(3), "T-new,BANK1,to,HOME,from,0.50,EUR")...), ""), Config{Data: data})
	if again.AlreadyDone != 3 || again.Completed != 1 || again.Before.Completed != 3 || again.Audit.Judged != 5 {
		t.Errorf("%+v", again)
	}
	_, err := read(t, write(t, "T-1,HOME,from,BANK1,to,9.99,EUR"), "").Run(t.Context(), Config{Data: data})
	var conflicts *Conflicts
	if !errors.As(err, &conflicts) {
		t.Errorf("error %v", err)
	}
}

// archive does to the transfers of a file what the orchestrator does when they ended long since.
func archive(t *testing.T, data string, b *Batch) {
	t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(data, "orchestrator.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, transfer := range b.transfers {
		sum, err := saga.Fingerprint(sagaType, transfer.Input())
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.Exec(`INSERT INTO archived SELECT id, type, version, state, ?2, created, finished FROM sagas WHERE id = ?1`, transfer.ID, sum[:16])
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec(`UPDATE history SET seq = seq + 1000 WHERE saga IN (SELECT seq FROM sagas WHERE id NOT IN (SELECT id FROM archived));
		DELETE FROM history WHERE saga IN (SELECT seq FROM sagas WHERE id IN (SELECT id FROM archived)); DELETE FROM sagas WHERE id IN (SELECT id FROM archived)`); err != nil {
		t.Fatal(err)
	}
}

// TestInUse holds that a second process is told who has the directory.
func TestInUse(t *testing.T) {
	data := t.TempDir()
	lock, err := outbox.LockDir(data)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	_, err = read(t, write(t, many(1)...), "").Run(t.Context(), Config{Data: data})
	if !errors.Is(err, outbox.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("error %v", err)
	}
}

// TestBadFiles holds that everything that is wrong is told, with its line, and both files at once.
func TestBadFiles(t *testing.T) {
	transfers := write(t, "T-1,HOME,from,YZ,to,1.505,EUR", "T-2,HOME,from,YZ,to,1,EUR", "T 3,HOME,from,YZ,to,1,eur")
	accounts := filepath.Join(t.TempDir(), "accounts.csv")
	if err := os.WriteFile(accounts, []byte(ledger.AccountsHeader+"\nHOME,from,EUR,-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Read(transfers, accounts)
	var bad *BadFiles
	if !errors.As(err, &bad) || len(bad.Files) != 2 {
		t.Fatalf("error %v", err)
	}
	for _, place := range []string{transfers + ":2: ", transfers + ":4: ", accounts + ":2: "} {
		if !strings.Contains(err.Error(), place) {
			t.Errorf("%q is not in\n%v", place, err)
		}
	}
	if strings.Contains(err.Error(), transfers+":3: ") {
		t.Errorf("line 3 is fine\n%v", err)
	}
}

// TestContradiction holds that lines which are fine alone and not together are told with the line
// of the second.
func TestContradiction(t *testing.T) {
	name := write(t, "T-1,HOME,from,YZ,to,1,EUR", "T-2,HOME,other,YZ,to,1,EUR", "T-3,HOME,from,YZ,x,1,CHF", "T-4,HOME,from,YZ,x,1,CHF")
	_, err := Read(name, "")
	if err == nil || !strings.HasPrefix(err.Error(), name+":4: ") {
		t.Errorf("error %v", err)
	}
}

func TestReadMissing(t *testing.T) {
	if _, err := Read(filepath.Join(t.TempDir(), "none.csv"), ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
