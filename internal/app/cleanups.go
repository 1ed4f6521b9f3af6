package app

import (
	"context"
	"errors"
	"fmt"
)

// cleanups are what ends what was begun, by name, the last begun first.
type cleanups []cleanup

type cleanup struct {
	name string
	end  func(context.Context) error
}

func (c *cleanups) push(name string, end func(context.Context) error) {
	*c = append(*c, cleanup{name: name, end: end})
}

// unwind ends everything, also after errors, and leaves nothing to end.
func (c *cleanups) unwind(ctx context.Context) error {
	var errs []error
	for i := len(*c) - 1; i >= 0; i-- {
		if err := (*c)[i].end(ctx); err != nil {
			errs = append(errs, fmt.Errorf("ending the %s: %w", (*c)[i].name, err))
		}
	}
	*c = nil
	return errors.Join(errs...)
}
