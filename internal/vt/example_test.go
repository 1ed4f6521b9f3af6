package vt_test

import (
	"fmt"

	"github.com/loglane/loglane/internal/vt"
)

func ExamplePolicy_Text() {
	line := []byte("\x1b[2J\x1b[31mfailed\x1b[0m")
	fmt.Printf("%q\n", vt.SGR.Text(line))
	fmt.Printf("%q\n", vt.Strip.Text(line))
	// Output:
	// "␛[2J\x1b[31mfailed\x1b[0m"
	// "␛[2Jfailed"
}

func ExamplePolicy_JSON() {
	object := []byte(`{"message":"\u001b[2J\u001b[31mfailed\u001b[0m"}`)
	fmt.Printf("%s\n", vt.SGR.JSON(object))
	fmt.Printf("%s\n", vt.Strip.JSON(object))
	// Output:
	// {"message":"␛[2J\u001b[31mfailed\u001b[0m"}
	// {"message":"␛[2Jfailed"}
}
