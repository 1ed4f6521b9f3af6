package app

import (
	"reflect"
	"slices"
	"strings"
)

// A Setting is a row of the table that the tags of [Settings] are.
type Setting struct {
	Group       string   // the struct that it stands in, such as Place
	Name        string   // of the flag and in a config file, such as addr
	Variables   []string // environment variables; the first that is not empty counts
	Default     string
	Example     string // the default where there is no other
	Placeholder string
	Help        string
	List        bool // takes several values: separated by commas, or a list in a config file
}

// Table is all settings, in the order of the structs.
func Table() []Setting { return slices.Clone(table) }

var table = readTable(reflect.TypeFor[Settings]())

func readTable(group reflect.Type) (rows []Setting) {
	for i := range group.NumField() {
		field := group.Field(i)
		if field.Anonymous {
			rows = append(rows, readTable(field.Type)...)
			continue
		}
		tag := field.Tag
		row := Setting{
			Group: group.Name(), Name: tag.Get("name"), Variables: strings.Split(tag.Get("env"), ","),
			Default: tag.Get("default"), Example: tag.Get("example"), Placeholder: tag.Get("placeholder"), Help: tag.Get("help"),
		}
		row.List = field.Type.Kind() == reflect.Slice || strings.HasSuffix(row.Placeholder, ",…")
		if row.Example == "" {
			row.Example = row.Default
		}
		rows = append(rows, row)
	}
	return rows
}
