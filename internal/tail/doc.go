// Package tail is what a terminal shows of a channel: it reads a gateway's event stream
// as a careful client does, and writes the lines as people or programs read them.
//
//	reader, err := tail.New(tail.Options{URL: "http://127.0.0.1:8080", Token: token, Start: tail.Start{Lines: 10}})
//	view := &tail.View{Out: os.Stdout, Format: tail.FormatText, Notices: os.Stderr}
//	err = reader.Read(ctx, view)
//
// A [Reader] comes back after every loss and goes on where it was: no line is shown twice,
// and none is missing without a [Gap] in its place. A [View] lets nothing reach a terminal
// that a terminal would obey, colours excepted.
package tail
