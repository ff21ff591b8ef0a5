// Package drive puts many sagas through door 2, a bounded number at a time, and measures what
// became of them. `giro run` and `giro bench` are drivers.
//
// Each of its clients is a loop: start the next saga, wait for its end, count it. So the number of
// clients is the number of sagas under way, and the load never runs ahead of what is answered.
package drive
