// Package crash kills real processes of Giro while they move money, and looks at the databases
// afterwards. It holds tests only: see TestKill9 and TestBrokerStoreDeleted.
//
// A SIGKILL is a process crash: the kernel keeps what was written. It says nothing about a power
// cut, and these tests do not claim so.
package crash
