package gateway

import (
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
)

// document is the OpenAPI document as it grows.
type document struct {
	api *huma.OpenAPI
	op  *huma.Operation // that is described now
}

// describe is huma's configuration: the document, and nothing that would change a body.
func describe(version string) huma.Config {
	c := huma.DefaultConfig("Giro", version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = pathOpenAPI, "", "", nil
	c.Info.Description = "Start sagas, look at them, and steer them. A start is accepted when it is committed, whether NATS is there or not."
	schemas := c.Components.Schemas
	schemas.RegisterTypeAlias(reflect.TypeFor[saga.Time](), reflect.TypeFor[time.Time]())
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	c.Security = []map[string][]string{{"token": {}}, {}} // a server on a loopback address may ask for none
	return c
}

// add describes an operation.
func (d *document) add(op *operation) *huma.Operation {
	d.op = &huma.Operation{
		Method: op.method, Path: op.path, OperationID: operationID(op), Summary: op.summary, Tags: []string{tag(op.path)},
		Responses: map[string]*huma.Response{},
	}
	for _, word := range op.words() {
		d.op.Parameters = append(d.op.Parameters, &huma.Param{Name: word, In: "path", Required: true, Schema: &huma.Schema{Type: "string"}})
	}
	for _, p := range op.query {
		d.op.Parameters = append(d.op.Parameters, &huma.Param{Name: p.name, In: "query", Description: p.says, Schema: &huma.Schema{Type: p.kind}})
	}
	if op.in != nil {
		d.op.RequestBody = &huma.RequestBody{Content: d.content("application/json", op.in), Required: op.verb != ""}
	}
	if op.out != nil {
		d.op.Responses["200"] = &huma.Response{Description: "OK", Content: d.content("application/json", op.out)}
	}
	d.op.Responses["default"] = &huma.Response{Description: "A problem, as RFC 9457 has it", Content: d.content("application/problem+json", wire.Problem{})}
	if op.doc != nil {
		op.doc(d)
	}
	d.api.AddOperation(d.op)
	return d.op
}

func (d *document) content(kind string, v any) map[string]*huma.MediaType {
	t := reflect.TypeOf(v)
	schema := d.api.Components.Schemas.Schema(t, true, t.Name())
	return map[string]*huma.MediaType{kind: {Schema: schema}}
}

// start has headers, and two answers.
func (d *document) start() {
	header := func(name, says string, required bool) {
		d.op.Parameters = append(d.op.Parameters, &huma.Param{Name: name, In: "header", Description: says, Required: required, Schema: &huma.Schema{Type: "string"}})
	}
	header(wire.HeaderIdempotency, "the saga's id, quoted or bare; the same again is the same saga", true)
	header(wire.HeaderPrefer, "wait=10: answer when the saga has ended, or after 10 seconds with the saga as it is; at most 600", false)
	header(wire.HeaderVersion, "of the definition; default: the latest", false)
	header(wire.HeaderDeadline, "RFC 3339; default: the definition's own", false)
	header(wire.HeaderStartAt, "RFC 3339: the first step begins no earlier", false)
	replayed := map[string]*huma.Param{headerReplayed: {Description: "true: the same start was accepted before", Schema: &huma.Schema{Type: "string"}}}
	d.op.Responses["200"].Description = "The saga has ended"
	d.op.Responses["200"].Headers = replayed
	d.op.Responses["202"] = &huma.Response{Description: "Accepted: it is committed", Content: d.content("application/json", saga.Document{}), Headers: replayed}
}

// events are a stream.
func (d *document) events() {
	d.op.Parameters = append(d.op.Parameters, &huma.Param{Name: headerLast, In: "header", Description: "go on after the event of this number", Schema: &huma.Schema{Type: "integer"}})
	d.op.Responses["200"] = &huma.Response{
		Description: "Server-sent events: id is the event's number, event its name, data the saga's document as it stands",
		Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: "string"}}},
	}
	if strings.Contains(d.op.Path, "{id}") {
		d.op.Responses["204"] = &huma.Response{Description: "The saga has ended, and there is no event after that number"}
	}
}

// metrics are text.
func (d *document) metrics() {
	d.op.Responses["200"] = &huma.Response{Description: "The text format of Prometheus",
		Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: "string"}}}}
}

// operationID is a name for generated clients: getSagasId.
func operationID(op *operation) string {
	name := strings.ToLower(op.method)
	for part := range strings.FieldsFuncSeq(strings.TrimPrefix(op.path, "/v1"), func(r rune) bool { return strings.ContainsRune("/{}", r) }) {
		name += strings.ToUpper(part[:1]) + part[1:]
	}
	return name
}

func tag(path string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(path, "/v1/"), "/")
	if name == "" {
		return "health"
	}
	return name
}

// loosen makes the answers' schemas say what a client may rely on: a field that is a pointer can be
// null, and fields may be added later. Bodies of requests stay strict, as they are read.
func (d *document) loosen() {
	schemas := d.api.Components.Schemas
	for name, schema := range schemas.Map() {
		t := schemas.TypeFromRef("#/components/schemas/" + name)
		if t.Kind() != reflect.Struct || t.PkgPath() == reflect.TypeFor[document]().PkgPath() {
			continue
		}
		schema.AdditionalProperties = nil
		for i := range t.NumField() {
			name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			if t.Field(i).Type.Kind() == reflect.Pointer && options == "" {
				schema.Properties[name] = &huma.Schema{AnyOf: []*huma.Schema{schema.Properties[name], {Type: "null"}}}
			}
		}
	}
}
