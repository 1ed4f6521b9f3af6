// Package sse writes and reads the bytes of an event stream, the format of the
// type text/event-stream (WHATWG HTML, section 9.2). It knows nothing of HTTP,
// channels or records.
//
// Writing is a set of functions that append one block to a slice:
//
//	b := sse.AppendRetry(nil, 3000)
//	b = sse.AppendEvent(b, "", "7.1.17-0", []byte(`{"message":"hello"}`))
//	b = sse.AppendEvent(b, "gap", "7.9.42-0", []byte(`{"missed":3}`))
//	b = sse.AppendID(b, "7.12.48-0")
//	b = sse.AppendComment(b, "keepalive")
//	_, err := w.Write(b)
//
// Data may be any bytes: it can neither end its event early nor begin a field.
// Event names and ids are the caller's own words, not its users', and are
// refused with a panic if they are malformed.
//
// Reading is a loop over the blocks, each delivered as soon as the blank line
// that ends it has arrived:
//
//	d := sse.NewDecoder(resp.Body)
//	for {
//		event, err := d.Next()
//		if err != nil {
//			return err // io.EOF at the end of the stream
//		}
//		if event.HasData {
//			show(event.Type, event.Data)
//		}
//		cursor = event.ID
//	}
//
// Beyond what a browser tells a page, the decoder reports blocks without data,
// so that a bare id or a retry is seen, and comments, so that a silent stream
// can be told from a dead one.
package sse
