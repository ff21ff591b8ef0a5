// Package overload measures what happens when more is asked of Giro than it can do: ten times the load, a
// hundred thousand open sagas, a slow neighbour, a hot account, a broker that has lost its store. It holds
// tests only, which judge by ratios within one run; `make overload` runs them at full size, and
// docs/overload.md has the figures.
package overload
