package berka

import (
	"encoding/csv"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var data = flag.String("berka.data", "", "directory of transfers.csv, accounts.csv and accounts-poor.csv")

// What the orders add up to.
const (
	orders   = 6471
	credited = 2_122_899_360 // minor units
	banks    = 13
)

// TestBerka runs the orders twice: with money for all of them, and with too little at every fifth
// account, where it depends on the order of arrival which ones are refused.
func TestBerka(t *testing.T) {
	if *data == "" {
		t.Skip("the data is not part of the repository: `make berka DATA=...` says where it is")
	}
	if _, err := os.Stat(filepath.Join(*data, "transfers.csv")); err != nil {
		t.Fatalf("DATA: %v", err)
	}
	giro := giro(t)
	t.Run("rich", func(t *testing.T) {
		r := run(t, giro, *data, "accounts.csv")
		home, others, n := r.balances()
		if r.Completed != orders || home != 0 || others != credited || n != banks {
			t.Errorf("%d completed; %d left at HOME, %d at %d other banks; want all, 0, %d at %d", r.Completed, home, others, n, credited, banks)
		}
		t.Logf("%d orders completed, %d.%02d CZK credited over %d banks, audit clean", r.Completed, others/100, others%100, n)
	})
	t.Run("poor", func(t *testing.T) {
		r := run(t, giro, *data, "accounts-poor.csv")
		if r.Compensated == 0 {
			t.Error("nothing was refused: the test proves nothing")
		}
		t.Logf("%d orders completed, %d refused, audit clean", r.Completed, r.Compensated)
	})
}

// opening sums the balances of a file of accounts, in minor units.
func opening(t *testing.T, file string) (sum int64) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		whole, fraction, _ := strings.Cut(row[3], ".")
		n, err := strconv.ParseInt(whole+(fraction + "00")[:2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}
