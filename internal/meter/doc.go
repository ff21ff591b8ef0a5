// Package meter turns what the parts of Giro count into Prometheus metrics.
//
// The parts count with atomic additions where they work; what costs more (looking at the outbox,
// asking the broker for the lag) is done when somebody scrapes. No label names a saga: labels are
// types of sagas, participants and other names of which there are few.
package meter
