package main

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/loglane/loglane/internal/app"
)

var durationType = reflect.TypeFor[time.Duration]()

// values parse settings and keep what is wrong with them, so that all of it is told at
// once instead of the first only.
type values struct {
	wrong map[string]error
	from  map[string]string // where a setting's value comes from; flags and defaults are not in it
	table []app.Setting     // what a config file may hold
	file  configFile

	variables map[*kong.Value][]string // of the flags of every verb
}

func newValues() *values {
	return &values{
		wrong: make(map[string]error), from: make(map[string]string), table: app.Table(),
		variables: make(map[*kong.Value][]string),
	}
}

// options let kong parse settings with the values.
func (v *values) options() []kong.Option {
	return []kong.Option{
		kong.KindMapper(reflect.Int, v.mapper(parseInt)),
		kong.KindMapper(reflect.Bool, v.mapper(parseBool)),
		kong.TypeMapper(durationType, v.mapper(parseDuration)),
		kong.PostBuild(v.takeVariables),
		kong.WithBeforeResolve(v.readFile),
		kong.Resolvers(v),
	}
}

// mapper parses a value; one that cannot be parsed leaves the default, which nothing
// that comes later complains of.
func (v *values) mapper(parse func(string) (reflect.Value, error)) kong.Mapper {
	return kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		text := "true" // a bool without a value
		if !ctx.Value.IsBool() || ctx.Scan.Peek().Type == kong.FlagValueToken {
			token, err := ctx.Scan.PopValue("a")
			if err != nil {
				return err
			}
			text = token.String()
		}
		value, err := parse(text)
		if err != nil {
			v.wrong[ctx.Value.Name] = app.Wrong(ctx.Value.Name, text, err.Error())
			if ctx.Value.Default == "" {
				return nil
			}
			if value, err = parse(ctx.Value.Default); err != nil {
				return err
			}
		}
		target.Set(value.Convert(target.Type()))
		return nil
	})
}

// problems are all that was wrong: with the file, and then in the order of the names.
func (v *values) problems() error {
	errs := slices.Clone(v.file.faults)
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

func parseBool(text string) (reflect.Value, error) {
	switch strings.ToLower(text) {
	case "true", "yes", "1":
		return reflect.ValueOf(true), nil
	case "false", "no", "0":
		return reflect.ValueOf(false), nil
	}
	return reflect.Value{}, errors.New("it is neither true nor false")
}

func parseDuration(text string) (reflect.Value, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return reflect.Value{}, errors.New("it is not a time with its unit")
	}
	return reflect.ValueOf(d), nil
}
