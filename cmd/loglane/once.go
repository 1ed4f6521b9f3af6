package main

import (
	"errors"
	"fmt"

	"github.com/alecthomas/kong"
)

// twice refuses flags of one value that a command line has more than once: the last would
// silently count.
func twice(ctx *kong.Context) error {
	given := make(map[*kong.Flag]int)
	var errs []error
	for _, path := range ctx.Path {
		flag := path.Flag
		if flag == nil || path.Resolved || flag.IsCumulative() {
			continue
		}
		if given[flag]++; given[flag] == 2 {
			errs = append(errs, fmt.Errorf("--%s: it is there more than once: leave one of them out", flag.Name))
		}
	}
	return errors.Join(errs...)
}
