package gateway_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/girohq/giro/gateway"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the document and the client that is generated from it")

// example is a module of its own, with the generator and what the generated code needs.
const example = "../examples/http-client"

// TestDocumentIsOpenAPI31 validates what is served with the schema of the specification. The schemas in it
// are compiled, and held against real answers, by TestAnswersAreAsDocumented.
func TestDocumentIsOpenAPI31(t *testing.T) {
	r, _ := newRig(t, gateway.Config{Version: "1.2.3"})
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile("testdata/openapi-3.1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	body := r.get("/openapi.json").body
	if err := schema.Validate(decoded(t, body)); err != nil {
		t.Error(err)
	}
	broken := bytes.Replace(body, []byte(`"in":"path"`), []byte(`"in":"pathway"`), 1)
	if bytes.Equal(broken, body) || schema.Validate(decoded(t, broken)) == nil {
		t.Error("void: a broken document is valid too")
	}
	checkOperations(t, body)
	var older struct{ OpenAPI string }
	if err := json.Unmarshal(r.get("/openapi-3.0.json").body, &older); err != nil || !strings.HasPrefix(older.OpenAPI, "3.0.") {
		t.Errorf("for generators that know only 3.0 there is %q: %v", older.OpenAPI, err)
	}
}

// checkOperations holds what the schema cannot: each operation has a name of its own, and describes each
// word of its path.
func checkOperations(t *testing.T, body []byte) {
	t.Helper()
	type operation struct {
		OperationID string
		Parameters  []struct{ Name, In string }
	}
	var doc struct {
		Paths map[string]map[string]operation
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	names := make(map[string]string)
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if other, taken := names[op.OperationID]; taken || op.OperationID == "" {
				t.Errorf("%s %s and %s are both called %q", method, path, other, op.OperationID)
			}
			names[op.OperationID] = method + " " + path
			words := 0
			for _, p := range op.Parameters {
				if p.In == "path" && strings.Contains(path, "{"+p.Name+"}") {
					words++
				}
			}
			if words != strings.Count(path, "{") {
				t.Errorf("%s %s describes %d words of its path", method, path, words)
			}
		}
	}
}

func decoded(t *testing.T, body []byte) any {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestGeneratedClient holds that the committed client is what a generator makes of the document that is
// served now, and that it can start a saga, repeat the start, read it, and tell a refusal.
func TestGeneratedClient(t *testing.T) {
	r, _ := newRig(t, gateway.Config{Version: "dev"})
	var document bytes.Buffer
	if err := json.Indent(&document, r.get("/openapi.json").body, "", " "); err != nil {
		t.Fatal(err)
	}
	same(t, filepath.Join(example, "api", "openapi.json"), document.Bytes())
	if !testing.Short() || *update { // the generator takes a minute to compile
		same(t, filepath.Join(example, "api", "client.gen.go"), generated(t, document.Bytes()))
	}
	program := filepath.Join(t.TempDir(), "http-client")
	inExample(t, "go", "build", "-o", program, ".")
	const pays = `{"from":{"bank":"A","account":"1"},"to":{"bank":"B","account":"1"},"amount":100,"currency":"EUR"}`
	for _, try := range []struct{ key, sagaType, input, want string }{
		{"G-1", "transfer", pays, "ended completed\nreplayed false\nsaga G-1 transfer completed\n"},
		{"G-1", "transfer", pays, "ended completed\nreplayed true\nsaga G-1 transfer completed\n"},
		{"G-1", "transfer", strings.Replace(pays, "100", "200", 1), "422 conflict: saga \"G-1\" was started before"},
		{"G-2", "transfer", `{"amount":-1}`, "422 invalid: "},
		{"G-3", "unheard-of", pays, "404 not_found: "},
	} {
		out, err := exec.CommandContext(t.Context(), program, "-url", r.url, "-key", try.key, try.sagaType, try.input).CombinedOutput()
		if !strings.HasPrefix(string(out), try.want) || (err == nil) != strings.HasPrefix(try.want, "ended") {
			t.Errorf("%s %s %s: %v\n%s", try.key, try.sagaType, try.input, err, out)
		}
	}
	r.do(http.StatusNotFound, "GET", "/v1/sagas/G-2", "")
}

// generated makes the client of a document, elsewhere than where it is kept.
func generated(t *testing.T, document []byte) []byte {
	t.Helper()
	source, out := filepath.Join(t.TempDir(), "openapi.json"), filepath.Join(t.TempDir(), "client.gen.go")
	if err := os.WriteFile(source, document, 0o600); err != nil {
		t.Fatal(err)
	}
	inExample(t, "go", "tool", "oapi-codegen", "-config", filepath.Join("api", "config.yaml"), "-o", out, source)
	code, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func inExample(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = example
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// same compares a file with what it should hold, or with -update writes it.
func same(t *testing.T, name string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimSpace(got), bytes.TrimSpace(want)) {
		t.Errorf("%s is not what the server's document makes of it: run `make generate`, and see what has changed for clients", name)
	}
}
