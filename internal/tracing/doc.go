// Package tracing makes the spans of sagas. It knows W3C trace contexts as messages carry them, and
// when a span is a child and when only linked; what becomes of spans is the provider's business.
package tracing
