// Command load writes transfers as targets for vegeta, one JSON object a line, each with an
// Idempotency-Key of its own: what is sent twice is one transfer, and what is not would not be load.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// target is one request as `vegeta attack -format=json` reads it. The body is in base64 there, as Go
// writes bytes.
type target struct {
	Method string              `json:"method"`
	URL    string              `json:"url"`
	Header map[string][]string `json:"header"`
	Body   []byte              `json:"body"`
}

// load is what is asked for.
type load struct {
	url   string
	stem  string // what all keys begin with: a run of its own has transfers of its own
	count int
	wait  int // seconds that a request waits for the end of its saga; 0: until it is accepted
}

// The world of `giro dev`.
var banks = []string{"A", "B", "C"}

const accountsEach = 100

func main() {
	l := load{}
	flag.StringVar(&l.url, "url", "http://127.0.0.1:8484", "of the server")
	flag.StringVar(&l.stem, "stem", strconv.FormatInt(time.Now().UnixMilli(), 36), "what all keys begin with")
	flag.IntVar(&l.count, "n", 10_000, "how many; at least rate times duration")
	flag.IntVar(&l.wait, "wait", 0, "seconds to wait for each saga's end; 0: only until it is accepted")
	flag.Parse()
	if err := l.write(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (l load) write(w io.Writer) error {
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	for n := range l.count {
		t, err := l.target(n)
		if err != nil {
			return err
		}
		if err := lines.Encode(t); err != nil {
			return err
		}
	}
	return out.Flush()
}

// target is the nth transfer: one cent, around the banks.
func (l load) target(n int) (target, error) {
	place := func(n int) map[string]string {
		return map[string]string{"bank": banks[n%len(banks)], "account": strconv.Itoa(n/len(banks)%accountsEach + 1)}
	}
	body, err := json.Marshal(map[string]any{"from": place(n), "to": place(n + 1), "amount": 1, "currency": "EUR"})
	if err != nil {
		return target{}, err
	}
	header := map[string][]string{"Content-Type": {"application/json"}, "Idempotency-Key": {fmt.Sprintf("%s-%d", l.stem, n)}}
	if l.wait > 0 {
		header["Prefer"] = []string{fmt.Sprintf("wait=%d", l.wait)}
	}
	return target{Method: "POST", URL: l.url + "/v1/sagas/transfer", Header: header, Body: body}, nil
}
