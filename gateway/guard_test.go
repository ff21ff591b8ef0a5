package gateway_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/girohq/giro/gateway"
	"github.com/girohq/giro/internal/wire"
)

const token = "correct-horse-battery-staple"

// TestExposedIsRefused: an address that others reach needs both, TLS and a token.
func TestExposedIsRefused(t *testing.T) {
	own := &tls.Config{MinVersion: tls.VersionTLS12}
	r, node := newRig(t, gateway.Config{})
	for _, c := range []struct {
		listen string
		tls    *tls.Config
		token  string
		want   error
	}{
		{"0.0.0.0:0", nil, "", gateway.ErrExposed},
		{"0.0.0.0:0", own, "", gateway.ErrExposed},
		{"0.0.0.0:0", nil, token, gateway.ErrExposed},
		{":0", nil, "", gateway.ErrExposed},
		{"[::]:0", nil, "", gateway.ErrExposed},
		{"example.org:0", nil, "", gateway.ErrExposed},
		{"127.0.0.1:0", nil, "short", gateway.ErrWeakToken},
		{"127.0.0.1:0", nil, strings.Repeat("ü", 16), gateway.ErrWeakToken},
		{strings.TrimPrefix(r.url, "http://"), nil, "", gateway.ErrPortTaken},
	} {
		_, err := gateway.New(gateway.Config{Orchestrator: node.Orchestrator(), Listen: c.listen, TLS: c.tls, Token: c.token})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.listen, err, c.want)
		}
	}
}

// TestToken: every request needs it but the two probes, which then say no details.
func TestToken(t *testing.T) {
	r, _ := newRig(t, gateway.Config{Token: token})
	r.get("/v1/sagas")
	if body := string(r.get("/readyz").body); !strings.Contains(body, "bank A") {
		t.Errorf("with the token: %s", body)
	}
	for _, wrong := range []string{"", "another-token-of-that-length"} {
		r.token = wrong
		for _, path := range []string{"/v1/sagas", "/v1/events", "/openapi.json", "/nowhere"} {
			a := r.do(http.StatusUnauthorized, "GET", path, "")
			if p := a.problem(t); p.Code != wire.CodeUnauthorized || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: %+v", path, p)
			}
		}
		r.do(http.StatusUnauthorized, "POST", "/v1/sagas/transfer", transfer(1), "Idempotency-Key", "T")
		r.do(http.StatusUnauthorized, "POST", "/healthz", "")
		if body := string(r.get("/readyz").body); body != `{"status":"ok","checks":{}}` {
			t.Errorf("without the token: %s", body)
		}
	}
}

// TestBrowsersOfOthers: a page of another origin can start nothing on a server that asks for no token,
// neither directly nor by a name of its own that leads to this machine.
func TestBrowsersOfOthers(t *testing.T) {
	r, _ := newRig(t, gateway.Config{})
	for _, words := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}, {"Host", "evil.example"}, {"Host", "evil.example:8484"},
	} {
		words = append(words, "Idempotency-Key", "E")
		r.do(http.StatusForbidden, "POST", "/v1/sagas/transfer", transfer(1), words...).problem(t)
	}
	r.do(http.StatusForbidden, "GET", "/v1/sagas", "", "Host", "evil.example")
	r.do(http.StatusNotFound, "GET", "/v1/sagas/E", "", "Host", "localhost")
}

// TestTLS serves others, with a certificate and a token.
func TestTLS(t *testing.T) {
	lent := httptest.NewTLSServer(nil)
	certificate, root := lent.TLS.Certificates[0], lent.Certificate()
	lent.Close()
	r, _ := newRig(t, gateway.Config{Listen: "0.0.0.0:0", Token: token, TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}})
	roots := x509.NewCertPool()
	roots.AddCert(root)
	r.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
	_, port, err := net.SplitHostPort(strings.TrimPrefix(r.url, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	r.url = "https://127.0.0.1:" + port
	r.get("/v1/sagas")
}
