// Package gateway is the HTTP API: the verbs that the orchestrator has over NATS, with the same
// bodies, the same answers and the same problems, and live updates as server-sent events.
//
// It calls the orchestrator in the process, not over NATS: a start is accepted when it is committed in the
// orchestrator's database, whether the broker is there or not.
//
// A [Gateway] listens from [New] on, so that a port that is taken is known at once, and serves
// while [Gateway.Run] runs. Nothing but loopback is served without TLS and a bearer token.
//
// operations.go is the table of everything it serves, and the OpenAPI document is made from it.
package gateway
