// Package asleep measures what sagas cost that wait for days: the memory of each, and the time in which
// an orchestrator that has many of them is back after a restart. It holds a test only; `make asleep`
// runs it with 10,000 and with 100,000 of them.
package asleep
