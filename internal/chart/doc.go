// Package chart draws figures of measurements, all in one look.
package chart
