// Package berka runs real input: 6,471 standing orders of a Czech bank, published for the PKDD'99
// challenge, as one `giro run`. It holds tests only, and the data is not part of the repository:
// `make berka DATA=...` says where it is.
package berka
