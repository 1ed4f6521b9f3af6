package app

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Defaults returns the settings with the defaults of the table.
func Defaults() Settings {
	var s Settings
	value := reflect.ValueOf(&s).Elem()
	for _, field := range reflect.VisibleFields(value.Type()) {
		text := field.Tag.Get("default")
		if field.Anonymous || text == "" {
			continue
		}
		if err := setText(value.FieldByIndex(field.Index), text); err != nil {
			panic(fmt.Sprintf("app: the default of %s: %v", field.Name, err)) // the table is wrong, not the caller
		}
	}
	return s
}

func setText(target reflect.Value, text string) error {
	switch target.Interface().(type) {
	case string:
		target.SetString(text)
	case int:
		n, err := strconv.Atoi(text)
		target.SetInt(int64(n))
		return err
	case bool:
		b, err := strconv.ParseBool(text)
		target.SetBool(b)
		return err
	case []string:
		target.Set(reflect.ValueOf(strings.Split(text, ",")))
	case time.Duration:
		d, err := time.ParseDuration(text)
		target.SetInt(int64(d))
		return err
	default:
		return fmt.Errorf("no way to read a %s", target.Type())
	}
	return nil
}
