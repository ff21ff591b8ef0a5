// Package lab is the race laboratory: each race that Giro prevents, as an experiment that anyone can
// run, without protection and with each technique that claims to cure it.
//
// An [Experiment] has techniques; the first, "none", protects nothing and must show anomalies, or the
// experiment is broken. A technique prepares a [Trial]: one operation, to be done by many workers at
// once, and a look at the data afterwards that counts what is wrong. Operations do not report whether
// they were harmed; only the data does.
//
// [Run] measures one [Cell]: a technique on a database under a load. Nothing here is simulated: the
// databases are SQLite and Postgres, the broker is a nats-server, and who overtakes whom is decided by
// the scheduler. Commits are not synced unless the world is made so, because no race depends on it and
// the disk would hide the difference between techniques; a bank syncs all of its own.
package lab
