// Package standby lets several processes wait for one store: one of them leads, the next takes over when
// it is gone.
//
// # Two locks
//
// An election ([coordination.Election], in the bucket <PREFIX>_LEADERS, named after the store) says who
// tries next. It expires, so it proves nothing: its winner may be paused and wake. What decides is the file
// lock on the database, which the system takes from a process only when that is gone. So:
//
//	standby --elected--> elected --file lock taken--> leader --gone--> (the next is elected)
//	                        |  ^                        |
//	          file lock held: waits and says so         +-- term lost, nobody else elected: leads on
//	                                                    +-- term lost, another elected: ends, and stands by
//
// A leader that cannot renew its term because the broker is away leads on: nobody can be elected then, and
// the database is still its own. A leader that was paused past its lease finds, when it wakes, that another
// was elected: it ends what it does, gives up the file lock, and stands by. Until then the other waits.
// There is no moment at which two have the database.
//
// # Terms
//
// A term is the election's fencing token. Each is greater than all before, not by one.
package standby
