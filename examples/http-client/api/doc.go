// Package api is the client of Giro's HTTP API as a generator makes it of openapi.json, the document that a
// server serves at /openapi.json.
package api

//go:generate go tool oapi-codegen -config config.yaml -o client.gen.go openapi.json
