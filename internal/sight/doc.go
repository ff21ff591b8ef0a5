// Package sight lets others look into a Giro process: metrics for Prometheus, and traces for whatever
// understands OpenTelemetry.
package sight
