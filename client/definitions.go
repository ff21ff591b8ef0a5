package client

import (
	"context"
	"encoding/json"

	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
)

// ApplyDefinition stores a definition, given as JSON or YAML. The same content again changes
// nothing; another content under a stored name and version is a *Problem with [CodeConflict].
func (c *Client) ApplyDefinition(ctx context.Context, source []byte) (AppliedDefinition, error) {
	var applied AppliedDefinition
	data, err := c.ask(ctx, "definitions.apply", source)
	if err != nil {
		return applied, err
	}
	return applied, decode("definitions.apply", data, &applied)
}

// CheckDefinition says what [Client.ApplyDefinition] would change, and stores nothing.
func (c *Client) CheckDefinition(ctx context.Context, source []byte) (AppliedDefinition, error) {
	var answer AppliedDefinition
	m := &nats.Msg{Subject: c.names.API("definitions.apply"), Data: source, Header: nats.Header{wire.HeaderDryRun: {"true"}}}
	data, err := c.exchange(ctx, m, verbTimeout)
	if err != nil {
		return answer, err
	}
	return answer, decode("definitions.apply", data, &answer)
}

// MigrateDefinition moves live sagas to another version, where what they have begun is the same in both. A
// moved saga keeps the commands that are out, and its deadline.
func (c *Client) MigrateDefinition(ctx context.Context, req MigrateRequest) (Migration, error) {
	return call[Migration](ctx, c, "definitions.migrate", req)
}

// Definitions lists every version of every definition.
func (c *Client) Definitions(ctx context.Context) (DefinitionList, error) {
	return call[DefinitionList](ctx, c, "definitions.list", struct{}{})
}

// Definition returns a definition as canonical JSON; version 0 is the latest.
func (c *Client) Definition(ctx context.Context, name string, version int) (json.RawMessage, error) {
	return call[json.RawMessage](ctx, c, "definitions.get", wire.DefinitionRequest{Name: name, Version: version})
}
