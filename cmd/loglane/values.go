package main

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/alecthomas/kong"

	"github.com/loglane/loglane/internal/app"
)

var durationType = reflect.TypeFor[time.Duration]()

// values parse settings and keep what is wrong with them, so that all of it is told at
// once instead of the first only.
type values struct{ wrong map[string]error }

func newValues() *values { return &values{wrong: make(map[string]error)} }

// mapper parses a value; one that cannot be parsed leaves the default, which nothing
// that comes later complains of.
func (v *values) mapper(parse func(string) (reflect.Value, error)) kong.Mapper {
	return kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto("value", &text); err != nil {
			return err
		}
		value, err := parse(text)
		if err != nil {
			v.wrong[ctx.Value.Name] = app.Wrong(ctx.Value.Name, text, err.Error())
			if value, err = parse(ctx.Value.Default); err != nil {
				return err
			}
		}
		target.Set(value.Convert(target.Type()))
		return nil
	})
}

// problems are all that was wrong, in the order of the names.
func (v *values) problems() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(v.wrong)) {
		errs = append(errs, v.wrong[name])
	}
	return errors.Join(errs...)
}

func parseInt(text string) (reflect.Value, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return reflect.Value{}, errors.New("it is not a whole number")
	}
	return reflect.ValueOf(n), nil
}

func parseDuration(text string) (reflect.Value, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return reflect.Value{}, errors.New("it is not a time with its unit")
	}
	return reflect.ValueOf(d), nil
}
