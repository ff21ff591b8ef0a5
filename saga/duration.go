package saga

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads a positive duration: Go's notation, and days of 24 hours before it, as in
// "200ms", "1h30m", "3d", "1d12h".
func ParseDuration(s string) (time.Duration, error) {
	const day, mostDays = 24 * time.Hour, math.MaxInt64 / (24 * time.Hour)
	days, rest, found := strings.Cut(s, "d")
	if !found {
		days, rest = "0", s
	}
	n, err := strconv.ParseUint(days, 10, 64)
	var d time.Duration
	if err == nil && (rest != "" || !found) {
		d, err = time.ParseDuration(rest)
	}
	switch {
	case errors.Is(err, strconv.ErrRange), n > uint64(mostDays), time.Duration(n)*day+d < d:
		return 0, fmt.Errorf("the duration %q is too long", s)
	case err != nil, d < 0, n == 0 && d == 0:
		return 0, fmt.Errorf("%q is not a duration, or not a positive one", s)
	}
	return time.Duration(n)*day + d, nil
}
