// Package vt decides which control sequences of a log line may reach a
// terminal.
//
// A log line is written by one person's program and read in another person's
// terminal, and a terminal obeys what it reads: it clears the screen, renames
// its window, fills the clipboard, even types answers. Loglane lets colours
// through and shows everything else as text:
//
//	vt.SGR.Text([]byte("\x1b[31mfailed\x1b[0m"))   // unchanged: only colours
//	vt.SGR.Text([]byte("\x1b[2Jall is well"))      // "␛[2Jall is well"
//	vt.Strip.Text([]byte("\x1b[31mfailed\x1b[0m")) // "failed"
//
// Nothing is hidden, for a line that tries to clear the screen is worth seeing.
// The one thing that may be taken out is colour, with [Strip].
//
// A line that is a JSON object carries the same characters as escapes, which
// turn back into controls as soon as somebody prints the decoded string.
// [Policy.JSON] therefore decides on the decoded characters and leaves the rest
// of the object byte for byte as it was:
//
//	vt.SGR.JSON([]byte(`{"message":"\u001b[2J\u001b[31mred"}`))
//	// {"message":"␛[2J\u001b[31mred"}
//
// # What passes
//
// Under [SGR] and [Strip] the output holds printable characters, TAB, LF, CR
// and, under SGR alone, sequences of the form ESC [ parameters m, where the
// parameters are at most 64 characters of 0-9, ";" and ":". A sequence with
// the attribute 8 (conceal) does not pass, because it hides what the line says;
// nor does one after which text would have the colour of its ground, whether one
// sequence sets both colours or several do. Nor does the one-character form of
// ESC [ (U+009B), which few programs write on purpose and which terminals do not
// agree on.
//
// # What the rest looks like
//
//	ESC                 ␛ (U+241B); what follows it stays as ordinary text
//	other C0 controls   their control picture, U+2400 + c: BEL is ␇
//	DEL                 ␡ (U+2421)
//	U+0080 to U+009F    ␛ and the character that follows ESC in the long form:
//	                    U+009B is ␛[
//	invalid UTF-8       U+FFFD for each byte
//
// The result assumes a terminal that reads UTF-8: in any other encoding the
// bytes of ordinary letters may be controls, and no filter can help. Further
// looks are not judged: colours pass that are only nearly the same, or the same
// as the terminal's own; and so do bidirectional and invisible characters, which
// [Invisible] knows, for whoever shows a line to a person.
//
// A colour that a line leaves on is for whoever writes another line below it to
// end: [Open] tells.
package vt
