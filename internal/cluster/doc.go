// Package cluster runs several NATS servers in this process that keep their streams together (R3), for tests and
// measurements. They listen on loopback only, on ports of their own.
package cluster
