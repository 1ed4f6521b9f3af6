package main_test

import "testing"

// The last of two would count, and who wrote the first would not notice.
func TestAFlagThatIsThereTwiceIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []call{
		{args: "check --auth-file a --auth-file FILE", code: 2, err: "loglane: --auth-file: it is there more than once: leave one of them out\nSee 'loglane check --help'.\n"},
		{args: "check --addr :1 --dev --addr=:2 --dev --addr :3", code: 2, err: "  --addr: it is there more than once: leave one of them out\n  --dev: it is there more than once"},
		{args: "tail -n 1 --lines 2 --no-reconnect", code: 2, err: "--lines: it is there more than once"},
		{args: "user add alice --auth-file FILE --role admin --role viewer", stdin: "correct horse\n", code: 2, err: "--role: it is there more than once"},
		{args: "check --keepalive 15 --keepalive 20s", code: 2, err: "--keepalive=15: "}, // what is wrong beside it is told, too
		{args: "token create --scope write --channel User.a --channel User.b --auth-file FILE", out: "llt_", both: true},
		{args: "user add alice --auth-file FILE", env: []string{"LOGLANE_AUTH_FILE=elsewhere"}, stdin: "correct horse\n", out: "added"},
	} {
		c.check(t, t.TempDir())
	}
}
