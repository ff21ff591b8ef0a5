// Package farm runs real processes that are killed, stopped and started again, to see what survives.
//
// On Linux the kernel kills them when the process that started them is gone, however that ended.
package farm
