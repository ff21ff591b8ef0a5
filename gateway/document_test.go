package gateway_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/girohq/giro/gateway"
	"github.com/girohq/giro/saga"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// contract is the served OpenAPI document as a validator of answers: its schemas are JSON Schema 2020-12.
type contract struct {
	*jsonschema.Compiler
	paths map[string]map[string]any
}

func (r *rig) contract() *contract {
	r.Helper()
	body := r.get("/openapi.json").body
	c := &contract{Compiler: jsonschema.NewCompiler()}
	var head struct {
		OpenAPI string
		Paths   map[string]map[string]any
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil || json.Unmarshal(body, &head) != nil || !strings.HasPrefix(head.OpenAPI, "3.1.") {
		r.Fatalf("%v %s", err, head.OpenAPI)
	}
	c.paths = head.Paths
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("openapi.json", doc); err != nil {
		r.Fatal(err)
	}
	return c
}

// check compares an answer with what the document says of its operation.
func (c *contract) check(t *testing.T, method, path string, a answer) {
	t.Helper()
	code := map[int]string{http.StatusOK: "200", http.StatusAccepted: "202"}[a.status]
	kind := "application/json"
	if code == "" {
		code, kind = "default", "application/problem+json"
	}
	pointer := "openapi.json#/paths/" + strings.ReplaceAll(path, "/", "~1") + "/" + strings.ToLower(method) + "/responses/" + code + "/content/" + strings.ReplaceAll(kind, "/", "~1") + "/schema"
	schema, err := c.Compile(pointer)
	if err != nil {
		t.Errorf("%s %s: %v", method, path, err)
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
	if err != nil {
		t.Errorf("%s %s: %v", method, path, err)
		return
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s %s: %d: %v\n%s", method, path, a.status, err, a.body)
	}
}

// TestAnswersAreAsDocumented goes through every operation, with sagas that have ended well and badly,
// and compares what comes with the OpenAPI document.
func TestAnswersAreAsDocumented(t *testing.T) {
	r, _ := newRig(t, gateway.Config{Version: "1.2.3"})
	c := r.contract()
	seen := make(map[string]bool)
	try := func(want int, method, path, pattern, body string, words ...string) {
		t.Helper()
		seen[strings.ToLower(method)+" "+pattern] = true
		c.check(t, method, pattern, r.do(want, method, path, body, words...))
	}
	const start = "/v1/sagas/{type}"
	waits := "saga: waits\nversion: %\nsteps:\n  - {id: signed, await: {signal: signed}}\n  - {id: pay, kind: pivot, participant: A, action: nothing}\n"
	try(200, "PUT", "/v1/definitions/waits?dry_run=true", "/v1/definitions/{name}", strings.ReplaceAll(waits, "%", "1"))
	try(200, "PUT", "/v1/definitions/waits", "/v1/definitions/{name}", strings.ReplaceAll(waits, "%", "1"))
	try(422, "PUT", "/v1/definitions/other", "/v1/definitions/{name}", strings.ReplaceAll(waits, "%", "1"))
	try(200, "GET", "/v1/definitions", "/v1/definitions", "")
	try(200, "GET", "/v1/definitions/waits?version=1", "/v1/definitions/{name}", "")
	for _, id := range []string{"W-1", "W-2", "W-3"} {
		try(202, "POST", "/v1/sagas/waits", start, "", "Idempotency-Key", id)
	}
	try(200, "PUT", "/v1/definitions/waits", "/v1/definitions/{name}", strings.ReplaceAll(waits, "%", "2"))
	try(200, "POST", "/v1/definitions/waits/migrate", "/v1/definitions/{name}/migrate", `{"from":1}`)
	for _, what := range []string{"sagas/W-1", "types/waits", "participants/A"} {
		pattern := "/v1/" + strings.NewReplacer("W-1", "{id}", "types/waits", "types/{type}", "s/A", "s/{participant}").Replace(what)
		try(200, "POST", "/v1/"+what+"/pause", pattern+"/pause", `{"reason":"r"}`)
		try(200, "GET", "/v1/pauses", "/v1/pauses", "")
		try(200, "POST", "/v1/"+what+"/resume", pattern+"/resume", `{"reason":"r"}`)
	}
	try(200, "POST", "/v1/sagas/W-1/signals/signed", "/v1/sagas/{id}/signals/{name}", `{"by":"me"}`)
	if doc := r.do(200, "POST", "/v1/sagas/waits", "", "Idempotency-Key", "W-1", "Prefer", "wait=20").saga(t); doc.State != saga.Compensated {
		t.Errorf("%+v", doc)
	}
	try(200, "POST", "/v1/sagas/waits", start, "", "Idempotency-Key", "W-1")
	try(200, "POST", "/v1/sagas/W-2/cancel", "/v1/sagas/{id}/cancel", `{"reason":"r"}`)
	try(422, "POST", "/v1/sagas/W-2/cancel", "/v1/sagas/{id}/cancel", `{}`)
	for verb, body := range map[string]string{"retry": `{"reason":"r"}`, "skip": `{"step":"signed","reason":"r"}`, "resolve": `{"step":"signed","reason":"r"}`, "abandon": `{"reason":"r"}`} {
		try(409, "POST", "/v1/sagas/W-2/"+verb, "/v1/sagas/{id}/"+verb, body)
	}
	try(200, "GET", "/v1/sagas/W-1", "/v1/sagas/{id}", "")
	try(200, "GET", "/v1/sagas/W-1/history", "/v1/sagas/{id}/history", "")
	try(200, "GET", "/v1/sagas?type=waits&state=running&since=1h&limit=1", "/v1/sagas", "")
	nightly := "schedule: nightly\nsaga: waits\ncron: \"0 3 * * *\"\nzone: UTC\n"
	try(200, "PUT", "/v1/schedules/nightly", "/v1/schedules/{name}", nightly)
	try(200, "POST", "/v1/schedules/nightly/pause", "/v1/schedules/{schedule}/pause", `{"reason":"r"}`)
	try(200, "POST", "/v1/schedules/nightly/resume", "/v1/schedules/{schedule}/resume", `{"reason":"r"}`)
	try(200, "GET", "/v1/schedules", "/v1/schedules", "")
	try(200, "GET", "/v1/schedules/nightly", "/v1/schedules/{name}", "")
	try(200, "DELETE", "/v1/schedules/nightly", "/v1/schedules/{name}", "")
	try(200, "GET", "/healthz", "/healthz", "")
	try(200, "GET", "/readyz", "/readyz", "")
	for path, methods := range c.paths {
		for _, method := range slices.Sorted(maps.Keys(methods)) {
			if !seen[method+" "+path] && !strings.HasSuffix(path, "/events") {
				t.Errorf("%s %s is not tried", method, path)
			}
		}
	}
}
