// Package overload shows what Giro does when more is asked of it than it can do, or everything at once. Its tests
// are all there is; `make overload` runs them large.
package overload
