// Package schema reads the numbered files that bring a database up to date, and names a new one. It
// is what the databases of package outbox have in common.
package schema
