package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

var bannerHTTP = regexp.MustCompile(`HTTP +(http://127\.0\.0\.1:[0-9]+) `)

// TestDevHTTP serves the HTTP API where it says, and ends it in order while a stream is open.
func TestDevHTTP(t *testing.T) {
	dev := giro(t, "dev", "--nats", "none", "--http", "127.0.0.1:0", "--data", t.TempDir())
	dev.watch(t, func() bool { return strings.Contains(dev.stderr.String(), "Ctrl-C") })
	url := bannerHTTP.FindStringSubmatch(dev.stderr.String())
	if url == nil {
		t.Fatalf("banner:\n%s", dev.stderr.String())
	}
	stream, err := http.Get(url[1] + "/v1/events")
	if err != nil || stream.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", err, stream)
	}
	defer stream.Body.Close()
	if code := dev.end(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d\n%s", code, dev.stderr.String())
	}
	if _, err := io.ReadAll(stream.Body); err != nil {
		t.Errorf("the stream was cut off: %v", err)
	}
	if strings.Contains(dev.stderr.String(), "ERR") || strings.Contains(dev.stderr.String(), "WRN") {
		t.Errorf("it complained:\n%s", dev.stderr.String())
	}
}

// TestDevHTTPPortTaken: that the default is busy is a warning; that another one is, ends dev.
func TestDevHTTPPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", defaultHTTP)
	switch {
	case errors.Is(err, syscall.EADDRINUSE): // by somebody else: as good
	case err != nil:
		t.Fatal(err)
	default:
		defer l.Close()
	}
	dev := giro(t, "dev", "--nats", "none", "--data", t.TempDir())
	dev.watch(t, func() bool { return strings.Contains(dev.stderr.String(), "Ctrl-C") })
	if code := dev.end(t, syscall.SIGTERM); code != exitOK || !strings.Contains(dev.stderr.String(), "no HTTP API: "+defaultHTTP+": the address is taken") {
		t.Errorf("exit code %d\n%s", code, dev.stderr.String())
	}
	asked := giro(t, "dev", "--nats", "none", "--http", defaultHTTP, "--data", t.TempDir())
	if code := asked.end(t, nil); code != exitError || !strings.Contains(asked.stderr.String(), "try: --http") {
		t.Errorf("exit code %d\n%s", code, asked.stderr.String())
	}
}

// TestServeHTTP: no port without being asked; with one, starts are accepted while there is no broker.
func TestServeHTTP(t *testing.T) {
	serve := giro(t, "serve", "--server", nobody, "--data", t.TempDir())
	serve.watch(t, func() bool { return strings.Contains(serve.stderr.String(), "HTTP no port") })
	if code := serve.end(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d\n%s", code, serve.stderr.String())
	}
	serve = giro(t, "serve", "--server", nobody, "--http", "127.0.0.1:0", "--data", t.TempDir())
	serve.watch(t, func() bool { return bannerHTTP.MatchString(serve.stderr.String()) })
	url := bannerHTTP.FindStringSubmatch(serve.stderr.String())[1]
	req, err := http.NewRequest("POST", url+"/v1/sagas/transfer",
		strings.NewReader(`{"from":{"bank":"A","account":"1"},"to":{"bank":"B","account":"1"},"amount":1,"currency":"EUR"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Idempotency-Key", "T-1")
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusAccepted {
		t.Errorf("%v %v", err, resp)
	}
	if code := serve.end(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d\n%s", code, serve.stderr.String())
	}
}

// TestHTTPUsage: what would open the API to others without protection is refused, before anything is made.
func TestHTTPUsage(t *testing.T) {
	weak := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(weak, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, flags := range []string{
		"--http 0.0.0.0:0", "--http here", "--http 127.0.0.1:0 --http-cert only.pem", "--http 127.0.0.1:0 --http-token nowhere",
		"--http 127.0.0.1:0 --http-token " + weak, "--http 127.0.0.1:0 --http-cert no.pem --http-key no.pem",
	} {
		for _, command := range []string{"serve", "serve --standby", "dev --nats none"} {
			data := filepath.Join(t.TempDir(), "data")
			p := giro(t, append(strings.Fields(command+" --server "+nobody+" "+flags), "--data", data)...)
			if code := p.end(t, nil); code != exitUsage {
				t.Errorf("%s %s: exit code %d\n%s", command, flags, code, p.stderr.String())
			}
			if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s %s: the directory was made before the flags were refused", command, flags)
			}
		}
	}
}
