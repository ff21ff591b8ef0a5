// Package generated writes the databases that many transfers leave behind, without running any: for tests of
// what must stay cheap when much has happened. The audit accepts them.
package generated
