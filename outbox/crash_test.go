package outbox

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// teller prints what is committed, as an acknowledgement to the parent process.
type teller struct {
	*recorder
	out *bufio.Writer
}

func (w teller) Committed(items []int) {
	for _, item := range items {
		fmt.Fprintln(w.out, item)
	}
	_ = w.out.Flush()
}

func (w teller) Failed(item int, err error) { fmt.Println("failed", item, err) }

// childCommit commits numbers for ever, on from the last one it finds.
func childCommit(path string) {
	db, err := Open(bg, Config{Path: path})
	if err != nil {
		fmt.Println(err)
		return
	}
	var last int
	_ = db.Write(bg, func(tx Tx) error {
		_, err := tx.ExecContext(bg, `CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY)`)
		return errors.Join(err, tx.GetContext(bg, &last, `SELECT coalesce(max(id), 0) FROM items`))
	})
	l := NewLoop(db, Worker[int](teller{newRecorder(), bufio.NewWriter(os.Stdout)}), 64)
	go func() {
		for i := last + 1; ; i++ {
			_ = l.Submit(bg, i)
		}
	}()
	fmt.Println(l.Run(bg))
}

func TestAKilledProcessKeepsWhatItAcknowledged(t *testing.T) {
	path := newPath(t)
	for round := range 5 {
		cmd, out := runChild(t, "commit", path)
		acked := 0
		for acked < (round+1)*700 {
			acked = readNumber(t, out)
		}
		must(t, cmd.Process.Kill())
		for { // what it still wrote into the pipe counts too
			line, err := out.ReadString('\n')
			if err != nil {
				break
			}
			acked = number(t, line)
		}
		_ = cmd.Wait()
		checkGapless(t, path, acked)
	}
}

func readNumber(t *testing.T, out *bufio.Reader) int {
	t.Helper()
	line, err := out.ReadString('\n')
	must(t, err)
	return number(t, line)
}

func number(t *testing.T, line string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(line))
	must(t, err)
	return n
}

// checkGapless wants 1 to at least acked, nothing missing and nothing half done.
func checkGapless(t *testing.T, path string, acked int) {
	t.Helper()
	db, err := Open(bg, Config{Path: path})
	must(t, err)
	defer db.Close()
	var n, highest int
	must(t, db.Read().QueryRow(`SELECT count(*), max(id) FROM items`).Scan(&n, &highest))
	if n != highest || n < acked {
		t.Fatalf("%d items up to %d, acknowledged up to %d", n, highest, acked)
	}
	var verdict string
	must(t, db.Read().Get(&verdict, `PRAGMA integrity_check`))
	if verdict != "ok" {
		t.Fatal(verdict)
	}
}
