package tail

// A Viewer is what a [Reader] shows to. Calls are serial and in the order of the stream;
// an error ends reading and is returned by it.
type Viewer interface {
	// Line shows a line. Its bytes are valid until the call returns.
	Line(Line) error
	// Gap says that lines are missing here.
	Gap(Gap) error
	// Flush is called when all that has arrived was shown.
	Flush() error
	// Watched tells that the number of others who watch the channel has changed; that nobody
	// does is not told when a connection begins.
	Watched(others int)
	// Notice tells how the connection stands, and may hold words of the gateway.
	Notice(text string)
}

// A Line is one line of the log as the gateway sent it.
type Line struct {
	ID   string // its place; "" where it has none in the history
	Data []byte // a record, or a text that is no JSON object
}

// A Gap says that lines are missing in its place.
type Gap struct {
	ID     string
	Reason string // trimmed, rewritten, epoch, expired or slow; a newer gateway may have others
	Missed int64  // how many; -1 where they cannot be counted
	Data   []byte // the event's own
}
