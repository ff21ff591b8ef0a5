package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
	"time"
)

// guard lets through whom the API is for, and bounds how long a request may take.
func (g *Gateway) guard(next http.Handler) http.Handler {
	// A page in the user's browser must not be able to use a server that asks nobody for a token.
	fromHere := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bound(w, readTimeout, writeTimeout)
		switch {
		case g.cfg.Token != "" && !g.probe(r) && !g.authorized(r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="giro"`)
			g.refuse(w, unauthorized())
		case g.cfg.Token == "" && !local(r.Host):
			g.refuse(w, forbidden("this server is for this machine only: its name here is localhost or 127.0.0.1, not "+r.Host))
		case fromHere.Check(r) != nil:
			g.refuse(w, forbidden("a page of another origin may not do this"))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// bound gives a request its time. An error says that the connection has no deadlines, as in tests.
func bound(w http.ResponseWriter, read, write time.Duration) {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(read))
	_ = c.SetWriteDeadline(time.Now().Add(write))
}

// probe reports whether a request asks only whether the server is up.
func (g *Gateway) probe(r *http.Request) bool {
	return r.Method == http.MethodGet && (r.URL.Path == pathAlive || r.URL.Path == pathReady)
}

// authorized compares hashes, so that the time it takes tells nothing of the token.
func (g *Gateway) authorized(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	got, want := sha256.Sum256([]byte(strings.TrimSpace(token))), sha256.Sum256([]byte(g.cfg.Token))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// local reports whether a request was sent to a name of this machine. Another one is a name of
// somebody else that leads here, for the browser of this machine's user to follow.
func local(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	return loopback(name)
}
