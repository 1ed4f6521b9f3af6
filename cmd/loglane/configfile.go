package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/loglane/loglane/internal/app"
)

const (
	maxConfig = 1 << 20 // bytes of a file
	maxFaults = 20      // told of a file
)

// A configFile is what --config names: settings of any verb, by the names of their flags.
type configFile struct {
	name    string
	table   []app.Setting // that it may hold
	members map[string]member
	faults  []error
}

type member struct {
	text string // as the flag would have it
	line int
	none bool // its fault is told, and the default is taken
}

// A configError is something wrong with a place in a config file. It tells no value: it
// may be a secret.
type configError struct{ place, wrong string }

func (e *configError) Error() string { return e.place + ": " + e.wrong }

// place names a line, 0 the whole file.
func (f *configFile) place(line int) string {
	if line == 0 {
		return f.name
	}
	return fmt.Sprintf("%s line %d", f.name, line)
}

func (f *configFile) wrong(line int, format string, args ...any) error {
	return &configError{place: f.place(line), wrong: fmt.Sprintf(format, args...)}
}

// fault keeps what is wrong with one member; the others are looked at all the same.
func (f *configFile) fault(line int, format string, args ...any) {
	switch n := len(f.faults); {
	case n < maxFaults:
		f.faults = append(f.faults, f.wrong(line, format, args...))
	case n == maxFaults:
		f.faults = append(f.faults, f.wrong(0, "more is wrong than the %d members above", maxFaults))
	}
}

// readConfig reads a file. It fails where the file cannot be read at all; what is wrong
// with single members is in the faults.
func readConfig(name string, table []app.Setting) (configFile, error) {
	data, err := readBounded(name)
	if err != nil {
		return configFile{}, &app.SettingError{Name: "config", Value: name, Wrong: err.Error()}
	}
	return parseConfig(name, data, table)
}

func readBounded(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, reason(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, reason(err)
	}
	if info.IsDir() {
		return nil, errors.New("it is a directory")
	}
	data, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err != nil {
		return nil, reason(err)
	}
	if len(data) > maxConfig {
		return nil, fmt.Errorf("it is longer than %d bytes", maxConfig)
	}
	return data, nil
}

// reason leaves out what the setting's name says already.
func reason(err error) error {
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("there is no such file")
	case errors.As(err, &path):
		return fmt.Errorf("it cannot be read: %w", path.Err)
	}
	return fmt.Errorf("it cannot be read: %w", err)
}

// parseConfig parses one YAML document: a mapping of settings to plain values or lists.
func parseConfig(name string, data []byte, table []app.Setting) (configFile, error) {
	f := configFile{name: name, table: table, members: make(map[string]member)}
	if !utf8.Valid(data) {
		return f, f.wrong(0, "it is not UTF-8")
	}
	root, err := f.document(data)
	if root == nil || err != nil {
		return f, err
	}
	if root.Kind != yaml.MappingNode {
		return f, f.wrong(root.Line, "it does not hold settings: write each as 'name: value'")
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		f.take(root.Content[i], root.Content[i+1])
	}
	return f, nil
}

// document is the root of the only document; nil where the file is empty.
func (f *configFile) document(data []byte) (*yaml.Node, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithUniqueKeys(false)) // take tells the lines of both
	if err != nil {
		return nil, f.wrong(0, "%v", err)
	}
	var first, second yaml.Node
	err = loader.Load(&first)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err == nil {
		err = loader.Load(&second)
		if err == nil {
			return nil, f.wrong(second.Line, "a second document begins: one is read")
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, f.syntax(err)
	}
	if len(first.Content) == 0 || isNull(first.Content[0]) {
		return nil, nil
	}
	return first.Content[0], nil
}

// syntax tells an error of the YAML library, of which only the composer's quote the file,
// where a value may be a secret.
func (f *configFile) syntax(err error) error {
	var load *yaml.LoadError
	switch {
	case !errors.As(err, &load):
		return f.wrong(0, "it is not YAML")
	case load.Stage == yaml.ComposerStage:
		return f.wrong(load.Mark.Line, "%s", noAlias)
	}
	return f.wrong(load.Mark.Line, "it is not YAML: %s", load.Message)
}
