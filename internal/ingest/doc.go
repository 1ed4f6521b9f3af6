// Package ingest turns the body of a request into records, each with its number and,
// where it cannot be taken, with the reason.
//
//	content, err := ingest.ParseContent(r.Header)
//	if err != nil {
//		return err // 415
//	}
//	body, err := content.Read(r.Body, ingest.DefaultMaxBytes)
//	if err != nil {
//		return err // 400 or 413
//	}
//	for record := range content.Records(body) {
//		if record.Err != nil {
//			reject(record.Line, record.Err)
//			continue
//		}
//		store(ingest.NewRecord(record.Data, "User.alice", loglane.DefaultMaxLine))
//	}
//
// A body is one of three kinds:
//
//   - NDJSON (application/x-ndjson and its other names): one JSON object a line.
//   - JSON (application/json): an array of objects, one object, objects one after the other,
//     or, for that is what some senders call JSON, one object a line.
//   - Anything else: lines of text, which end in LF or CRLF. A line that is a JSON object is
//     that record.
//
// Lines and elements are numbered from 1. Blank lines count and are no records. What is
// wrong with one record is told of that record and the others are taken; only where JSON
// breaks in such a way that the next element cannot be found, the rest is not read, and the
// error says so.
//
// Errors are *loglane.StatusError.
package ingest
