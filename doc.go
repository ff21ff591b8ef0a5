// Package giro is the root of Giro, which runs sagas over NATS JetStream. It holds no code, only
// the tests that hold the shape of the repository: which package may import which (deps_test.go)
// and how the source reads (style_test.go).
//
// Begin with README.md, then saga/doc.go for the words and saga/transition.go for all behaviour.
package giro
