package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/girohq/giro/internal/wire"
)

// What only HTTP knows of. The codes are those of the other doors.

func unauthorized() *wire.Problem {
	return &wire.Problem{Title: "Not authorised", Status: http.StatusUnauthorized, Code: wire.CodeUnauthorized,
		Detail: "send the header Authorization: Bearer <token>, with the token that the server was given"}
}

func forbidden(detail string) *wire.Problem {
	return &wire.Problem{Title: "Not allowed", Status: http.StatusForbidden, Code: wire.CodeUnauthorized, Detail: detail}
}

func tooLarge(limit int64) *wire.Problem {
	return &wire.Problem{Title: "The request is too large", Status: http.StatusRequestEntityTooLarge, Code: wire.CodeInvalid,
		Detail: fmt.Sprintf("the body has more than %d bytes", limit)}
}

func wrongMethod(method, path string, allowed []string) *wire.Problem {
	return &wire.Problem{Title: "Not this method", Status: http.StatusMethodNotAllowed, Code: wire.CodeInvalid,
		Detail: fmt.Sprintf("%s does not take %s: it takes %s", path, method, strings.Join(allowed, ", "))}
}

// refuse answers with a problem. Every error of the orchestrator is one.
func (g *Gateway) refuse(w http.ResponseWriter, err error) {
	var problem *wire.Problem
	if !errors.As(err, &problem) {
		g.cfg.Log.Error().Err(err).Msg("http")
		problem = wire.Unavailable("the request could not be carried out: " + err.Error())
	}
	data, err := json.Marshal(problem)
	if err != nil {
		g.cfg.Log.Error().Err(err).Msg("http")
	}
	if problem.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, problem.RetryAfter)))
	}
	g.write(w, problem.Status, "application/problem+json", data)
}

// write sends a whole answer. That nobody is left to read it is no error of ours.
func (g *Gateway) write(w http.ResponseWriter, status int, contentType string, data []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n'))
}
