package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// routes serves the operations, and the document that describes them.
//
// Bodies are not huma's to decode: integers stay exact and problems are those of the other doors only
// where the orchestrator reads what the caller has written.
func (g *Gateway) routes() http.Handler {
	mux := http.NewServeMux()
	api := humago.New(mux, describe(g.cfg.Version))
	d := &document{api: api.OpenAPI()}
	for i := range operations {
		op := &operations[i]
		if !g.serves(op) {
			continue
		}
		api.Adapter().Handle(d.add(op), func(ctx huma.Context) {
			r, w := humago.Unwrap(ctx)
			g.counted.serve(w, op, func(w http.ResponseWriter) {
				if err := g.run(op, w, r); err != nil {
					g.refuse(w, err)
				}
			})
		})
	}
	d.loosen()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" {
			g.refuse(w, astray(mux, w, r))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// serves says whether there is somebody to answer.
func (g *Gateway) serves(op *operation) bool {
	if op.path == pathMetrics {
		return g.cfg.Metrics != nil
	}
	return g.cfg.Orchestrator != nil
}

func (g *Gateway) run(op *operation, w http.ResponseWriter, r *http.Request) error {
	if op.handle != nil {
		if err := op.readQuery(r.URL, make(map[string]json.RawMessage)); err != nil {
			return err
		}
		return op.handle(g, w, r)
	}
	body, err := readBody(w, r, saga.MaxBody)
	if err != nil {
		return err
	}
	if body, err = op.verbBody(r, body); err != nil {
		return err
	}
	return g.call(w, r, op.verb, body, nats.Header{})
}

// call asks the orchestrator and passes its answer on.
func (g *Gateway) call(w http.ResponseWriter, r *http.Request, verb string, body []byte, header nats.Header) error {
	answer, err := g.cfg.Orchestrator.Call(r.Context(), verb, body, header)
	if err != nil {
		return err
	}
	g.write(w, http.StatusOK, "application/json", answer)
	return nil
}

// signal has the signal's data as its body.
func (g *Gateway) signal(w http.ResponseWriter, r *http.Request) error {
	data, err := readBody(w, r, saga.MaxBody)
	if err != nil {
		return err
	}
	if len(data) == 0 {
		data = []byte("{}")
	}
	if err := saga.CheckObject(data); err != nil {
		return wire.Unparsable(fmt.Errorf("data: %w", err))
	}
	body, err := json.Marshal(wire.SignalRequest{ID: r.PathValue("id"), Name: r.PathValue("name"), Data: data})
	if err != nil {
		return err
	}
	return g.call(w, r, "signal", body, nats.Header{})
}

// define takes a definition as JSON or YAML. Its name stands in it, and in the path.
func (g *Gateway) define(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(w, r, maxDefinition)
	if err != nil {
		return err
	}
	def, err := saga.Parse("definition", body)
	if err != nil {
		return wire.Invalid(err)
	}
	if err := samePath(r, "definition", def.Name); err != nil {
		return err
	}
	header := nats.Header{}
	if dry := r.URL.Query().Get("dry_run"); dry != "" {
		header.Set(wire.HeaderDryRun, dry)
	}
	return g.call(w, r, "definitions.apply", body, header)
}

func (g *Gateway) schedule(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(w, r, maxDefinition)
	if err != nil {
		return err
	}
	s, err := saga.ParseSchedule("schedule", body)
	if err != nil {
		return wire.Invalid(err)
	}
	if err := samePath(r, "schedule", s.Name); err != nil {
		return err
	}
	return g.call(w, r, "schedules.apply", body, nats.Header{})
}

func samePath(r *http.Request, what, name string) error {
	if path := r.PathValue("name"); path != name {
		return wire.Invalid(fmt.Errorf("the %s is called %q, and %q in the path", what, name, path))
	}
	return nil
}

// astray says why a request has no operation: no such path, or another method.
func astray(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) error {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		return wire.NotFound("there is nothing at %s: see %s.json", r.URL.Path, pathOpenAPI)
	}
	for _, method := range allowed {
		w.Header().Add("Allow", method)
	}
	return wrongMethod(r.Method, r.URL.Path, allowed)
}

// alive answers as long as anybody can.
func (g *Gateway) alive(w http.ResponseWriter, r *http.Request) error {
	return g.health(w, r, http.StatusOK)
}

// ready answers 503 while anything is missing, NATS too. Starts are accepted nevertheless.
func (g *Gateway) ready(w http.ResponseWriter, r *http.Request) error {
	return g.health(w, r, http.StatusServiceUnavailable)
}

// health answers with the status for a server that is not ready. To whom has no token it says no details.
func (g *Gateway) health(w http.ResponseWriter, r *http.Request, otherwise int) error {
	answer, err := g.cfg.Orchestrator.Call(r.Context(), "health", nil, nats.Header{})
	if err != nil {
		return err
	}
	var health wire.Health
	if err := json.Unmarshal(answer, &health); err != nil {
		return errors.Join(errors.New("health"), err)
	}
	if g.cfg.Token != "" && !g.authorized(r) {
		answer, err = json.Marshal(wire.Health{Status: health.Status, Checks: map[string]string{}})
	}
	status := http.StatusOK
	if !health.OK() {
		status = otherwise
	}
	g.write(w, status, "application/json", answer)
	return err
}
