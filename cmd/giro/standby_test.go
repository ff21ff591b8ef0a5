package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
)

// TestStandby: of two on one directory one leads, and the other says so in its health until the first ends.
func TestStandby(t *testing.T) {
	b, err := embedded.StartNATS(embedded.NATSConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Shutdown()
	data := t.TempDir()
	serve := func() (*program, string) {
		p := giro(t, "serve", "--standby", "--server", b.URL(), "--data", data, "--http", "127.0.0.1:0")
		p.watch(t, func() bool { return bannerHTTP.MatchString(p.stderr.String()) })
		return p, bannerHTTP.FindStringSubmatch(p.stderr.String())[1]
	}
	first, firstURL := serve()
	led := ready(t, first, firstURL)
	second, secondURL := serve()
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusServiceUnavailable, "/v1/sagas": http.StatusServiceUnavailable} {
		if status, _ := fetch(t, secondURL+path); status != want {
			t.Errorf("GET %s of the standby: %d, want %d", path, status, want)
		}
	}
	_, h := fetch(t, secondURL+"/readyz")
	if h.Status != "standby" || len(h.Candidates) != 1 || h.Candidates[0].Role != "standby" {
		t.Errorf("%+v", h)
	}
	asked := giro(t, "health", "--server", b.URL())
	if code := asked.end(t, nil); code != exitOK || strings.Count(asked.stdout.String(), "orchestrator at ") != 2 || !strings.Contains(asked.stdout.String(), "leader of term ") {
		t.Errorf("exit code %d\n%s", code, asked.stdout.String())
	}
	if code := first.end(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d\n%s", code, first.stderr.String())
	}
	if leads := ready(t, second, secondURL); leads.Candidates[0].Term <= led.Candidates[0].Term {
		t.Errorf("%+v after %+v", leads.Candidates, led.Candidates)
	}
	if code := second.end(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d\n%s", code, second.stderr.String())
	}
}

// ready waits until a process leads and is ready.
func ready(t *testing.T, p *program, url string) (h client.Health) {
	t.Helper()
	p.watch(t, func() bool {
		status, now := fetch(t, url+"/readyz")
		h = now
		return status == http.StatusOK && now.Candidates[0].Role == "leader"
	})
	return h
}

func fetch(t *testing.T, url string) (status int, h client.Health) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(data, &h) // a problem has neither status text nor checks, and is no health
	return resp.StatusCode, h
}
