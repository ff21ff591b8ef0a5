package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/gateway"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// rig is a gateway with its client.
type rig struct {
	*testing.T
	client *http.Client
	url    string
	token  string
	end    func() // of the gateway; may be called again
}

// newRig serves a node with the banks A and B, one account of 1,000.00 EUR each.
func newRig(t *testing.T, cfg gateway.Config) (*rig, *embedded.Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	accounts := []ledger.Account{{Account: "1", Currency: "EUR", Balance: 1000_00}}
	node, err := embedded.New(ctx, embedded.Config{Data: t.TempDir(), Log: zerolog.Nop(), Banks: []ledger.Branch{
		{Bank: "A", Accounts: accounts}, {Bank: "B", Accounts: accounts},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running(t, "node", node.Run))
	if err := node.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	cfg.Orchestrator = node.Orchestrator()
	return serve(t, cfg), node
}

// serve runs a gateway on a free port.
func serve(t *testing.T, cfg gateway.Config) *rig {
	t.Helper()
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	g, err := gateway.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}, url: g.URL(), token: cfg.Token, end: running(t, "gateway", g.Run)}
	t.Cleanup(r.end)
	t.Cleanup(r.client.CloseIdleConnections)
	return r
}

// running runs something and returns what ends it.
func running(t *testing.T, what string, run func(context.Context) error) func() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	over := false
	return func() {
		if over {
			return
		}
		over = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// answer is a whole response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send sends a request. Words are header names and values.
func (r *rig) send(method, path, body string, words ...string) (answer, error) {
	req, err := http.NewRequestWithContext(r.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	for i := 0; i < len(words); i += 2 {
		if words[i] == "Host" {
			req.Host = words[i+1]
		}
		req.Header.Add(words[i], words[i+1])
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, bytes.TrimSpace(data)}, err
}

// do is send for what must be answered, with this status.
func (r *rig) do(want int, method, path, body string, words ...string) answer {
	r.Helper()
	a, err := r.send(method, path, body, words...)
	if err != nil {
		r.Fatal(err)
	}
	if a.status != want {
		r.Fatalf("%s %s: %d, want %d: %s", method, path, a.status, want, a.body)
	}
	return a
}

func (r *rig) get(path string) answer {
	r.Helper()
	return r.do(http.StatusOK, "GET", path, "")
}

func (a answer) saga(t *testing.T) saga.Document {
	t.Helper()
	var doc saga.Document
	if err := json.Unmarshal(a.body, &doc); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return doc
}

func (a answer) problem(t *testing.T) wire.Problem {
	t.Helper()
	var p wire.Problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	if kind := a.header.Get("Content-Type"); kind != "application/problem+json" || p.Status != a.status || p.Detail == "" || p.Title == "" {
		t.Errorf("%s: %+v", kind, p)
	}
	return p
}

func transfer(amount int) string {
	return fmt.Sprintf(`{"from":{"bank":"A","account":"1"},"to":{"bank":"B","account":"1"},"amount":%d,"currency":"EUR"}`, amount)
}
