// Package witness keeps what clients were told, on a disk before they act upon it.
package witness
