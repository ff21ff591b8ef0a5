package gateway

import (
	"net/http"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
)

const (
	pathAlive   = "/healthz"
	pathReady   = "/readyz"
	pathMetrics = "/metrics"
	pathOpenAPI = "/openapi" // .json, .yaml
)

// operation is one method of one path. Most are a verb of the orchestrator: the words of the path, the
// parameters and the body together are the verb's body.
type operation struct {
	method  string
	path    string
	summary string
	verb    string
	query   []parameter
	in      any // a value of the body's type, for the OpenAPI document; nil: no body
	out     any // and of the answer's

	handle func(g *Gateway, w http.ResponseWriter, r *http.Request) error // instead of a verb
	doc    func(d *document)                                              // what else the OpenAPI document says
}

// parameter is one of the query.
type parameter struct {
	name string
	kind string // string, integer, boolean
	says string
}

func (op *operation) parameter(name string) (*parameter, bool) {
	for i := range op.query {
		if op.query[i].name == name {
			return &op.query[i], true
		}
	}
	return nil, false
}

// operations is all that is served, but for the OpenAPI document itself.
var operations = []operation{
	{method: "POST", path: "/v1/sagas/{type}", summary: "Start a saga", in: map[string]any{}, out: saga.Document{}, handle: (*Gateway).start, doc: (*document).start},
	{method: "GET", path: "/v1/sagas", summary: "List sagas, newest first", verb: "list", query: listParameters, out: wire.List{}},
	{method: "GET", path: "/v1/sagas/{id}", summary: "Get a saga", verb: "get", out: saga.Document{}},
	{method: "GET", path: "/v1/sagas/{id}/history", summary: "Everything that moved a saga, oldest first", verb: "history", out: wire.History{}},
	{method: "GET", path: "/v1/sagas/{id}/events", summary: "Follow a saga until it has ended", query: afterParameter, handle: (*Gateway).follow, doc: (*document).events},
	{method: "GET", path: "/v1/events", summary: "Follow all sagas, from now on", query: afterParameter, handle: (*Gateway).followAll, doc: (*document).events},

	{method: "POST", path: "/v1/sagas/{id}/cancel", summary: "Cancel a saga: what ran is undone", verb: "cancel", in: reason{}, out: saga.Document{}},
	{method: "POST", path: "/v1/sagas/{id}/retry", summary: "Let a suspended saga go on", verb: "retry", in: stepReason{}, out: saga.Document{}},
	{method: "POST", path: "/v1/sagas/{id}/skip", summary: "Go on without a step", verb: "skip", in: skipped{}, out: saga.Document{}},
	{method: "POST", path: "/v1/sagas/{id}/resolve", summary: "Say that a person did a step, or its undo, by hand", verb: "resolve", in: resolved{}, out: saga.Document{}},
	{method: "POST", path: "/v1/sagas/{id}/abandon", summary: "Close a saga as it stands", verb: "abandon", in: abandoned{}, out: saga.Document{}},
	{method: "POST", path: "/v1/sagas/{id}/pause", summary: "Send nothing new for a saga", verb: "pause", in: reason{}, out: wire.Pause{}},
	{method: "POST", path: "/v1/sagas/{id}/resume", summary: "Let a paused saga go on", verb: "resume", in: reason{}, out: wire.Pause{}},
	{method: "POST", path: "/v1/sagas/{id}/signals/{name}", summary: "Tell a saga what it awaits", in: map[string]any{}, out: saga.Document{}, handle: (*Gateway).signal},

	{method: "GET", path: "/v1/pauses", summary: "What is paused, oldest first", verb: "pauses", out: wire.PauseList{}},
	{method: "POST", path: "/v1/types/{type}/pause", summary: "Send nothing new for all sagas of a type", verb: "pause", in: reason{}, out: wire.Pause{}},
	{method: "POST", path: "/v1/types/{type}/resume", summary: "Let the sagas of a type go on", verb: "resume", in: reason{}, out: wire.Pause{}},
	{method: "POST", path: "/v1/participants/{participant}/pause", summary: "Send nothing new to a participant", verb: "pause", in: reason{}, out: wire.Pause{}},
	{method: "POST", path: "/v1/participants/{participant}/resume", summary: "Let a participant go on", verb: "resume", in: reason{}, out: wire.Pause{}},
	{method: "POST", path: "/v1/schedules/{schedule}/pause", summary: "Let a schedule start nothing", verb: "pause", in: reason{}, out: wire.Pause{}},
	{method: "POST", path: "/v1/schedules/{schedule}/resume", summary: "Let a schedule go on", verb: "resume", in: reason{}, out: wire.Pause{}},

	{method: "GET", path: "/v1/definitions", summary: "List definitions", verb: "definitions.list", out: wire.DefinitionList{}},
	{method: "GET", path: "/v1/definitions/{name}", summary: "Get a definition", verb: "definitions.get", query: versionParameter, out: map[string]any{}},
	{method: "PUT", path: "/v1/definitions/{name}", summary: "Store a version of a definition", query: dryRunParameter, in: map[string]any{}, out: wire.AppliedDefinition{}, handle: (*Gateway).define},
	{method: "POST", path: "/v1/definitions/{name}/migrate", summary: "Move live sagas to another version", verb: "definitions.migrate", in: migrationWish{}, out: wire.Migration{}},

	{method: "GET", path: "/v1/schedules", summary: "List schedules, by name", verb: "schedules.list", query: cursorParameter, out: wire.ScheduleList{}},
	{method: "GET", path: "/v1/schedules/{name}", summary: "Get a schedule", verb: "schedules.get", out: wire.Schedule{}},
	{method: "PUT", path: "/v1/schedules/{name}", summary: "Store a schedule", in: map[string]any{}, out: wire.Schedule{}, handle: (*Gateway).schedule},
	{method: "DELETE", path: "/v1/schedules/{name}", summary: "Delete a schedule; what it has started goes on", verb: "schedules.delete", out: wire.Schedule{}},

	{method: "GET", path: pathAlive, summary: "The server is up: always 200, with the health", out: wire.Health{}, handle: (*Gateway).alive},
	{method: "GET", path: pathReady, summary: "Everything is ready: 200, else 503, with the health", out: wire.Health{}, handle: (*Gateway).ready},
	{method: "GET", path: pathMetrics, summary: "Metrics, as Prometheus reads them", handle: (*Gateway).metrics, doc: (*document).metrics},
}

var (
	listParameters = []parameter{
		{"type", "string", "only sagas of this type"},
		{"state", "string", "running, compensating, suspended, completed, compensated or abandoned"},
		{"since", "string", "created since: RFC 3339, or a duration back from now such as 1h or 3d"},
		{"limit", "integer", "1 to 1000; default 100"},
		{"cursor", "string", "next of the page before"},
	}
	cursorParameter  = []parameter{{"cursor", "string", "next of the page before"}}
	afterParameter   = []parameter{{"after", "integer", "go on after the event of this number; the header Last-Event-ID wins"}}
	versionParameter = []parameter{{"version", "integer", "default: the latest"}}
	dryRunParameter  = []parameter{{"dry_run", "boolean", "only say what would change"}}
)

// The bodies of verbs without what stands in the path, as the OpenAPI document shows them.
type (
	reason struct {
		Reason string `json:"reason" doc:"kept in the history" maxLength:"1000"`
	}
	stepReason struct {
		Reason string `json:"reason" doc:"kept in the history" maxLength:"1000"`
		Step   string `json:"step,omitempty" doc:"only this step"`
	}
	skipped struct {
		Reason string `json:"reason" doc:"kept in the history" maxLength:"1000"`
		Step   string `json:"step"`
		Force  bool   `json:"force,omitempty" doc:"without waiting for the participant"`
	}
	resolved struct {
		Reason string         `json:"reason" doc:"kept in the history" maxLength:"1000"`
		Step   string         `json:"step"`
		Force  bool           `json:"force,omitempty" doc:"without waiting for the participant"`
		Result map[string]any `json:"result,omitempty" doc:"of the step, for those that come after it"`
	}
	abandoned struct {
		Reason string `json:"reason" doc:"kept in the history" maxLength:"1000"`
		Force  bool   `json:"force,omitempty" doc:"without waiting for the participant"`
	}
	migrationWish struct {
		From   int    `json:"from"`
		To     int    `json:"to,omitempty" doc:"0: the latest"`
		Limit  int    `json:"limit,omitempty" doc:"how many to move at most; 0: all"`
		DryRun bool   `json:"dry_run,omitempty"`
		Reason string `json:"reason,omitempty"`
	}
)
