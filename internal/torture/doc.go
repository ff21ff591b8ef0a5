// Package torture breaks a real installation while it moves money, and judges what is left.
//
// It starts a broker, an orchestrator and banks, each a process of its own, and customers in this
// process. What a customer is told is on a disk before he acts upon it (package witness). Faults strike by
// a schedule that is drawn from a seed. Then nothing strikes any more, all that was accepted must come to
// its end, and the databases are audited.
//
//	customers --- asked, told ---> orchestrator --- broker --- banks
//	    |                              ^              ^          ^
//	    v                              +--- faults ---+----------+
//	 witness.jsonl, databases ------> audit ------> green, red or void
//
// A run is red when something is wrong, and void when it has shown nothing: a chosen fault never fired, or
// too little succeeded while faults struck. Only what is neither is green.
//
// A kill here is a process crash: the kernel keeps what was written. It is no power cut. The same seed
// gives the same faults in the same order, and the same transfers; what they meet is up to the machine.
//
// What these faults hardly ever make is a command that comes after its undo, since the broker keeps the order
// of a key: a barrier that forgot its fences was not found. Package sagatest and internal/lab make it.
package torture
