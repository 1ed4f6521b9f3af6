package sse

// maxID bounds an id, which comes back to us in a request's header.
const maxID = 128

// ValidID reports whether id may be written to a stream: 1 to 128 of the
// characters 0-9, A-Z, a-z, ".", "_" and "-". Ids of that kind survive the way
// back in the header Last-Event-ID and in a URL, across origins too.
func ValidID(id string) bool {
	if id == "" || len(id) > maxID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z':
		case c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
