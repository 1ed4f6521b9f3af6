package loglane

// news is an event that is no line, and is told once.
type news struct {
	event string
	data  []byte
}

// Tell sends an event with JSON data to the open streams whose grant's tag matches: clients
// that do not know it leave it out. Of several that a stream has not sent yet it sends the
// last. Tell does not block, and returns how many streams there are.
func (h *Hub) Tell(match func(tag any) bool, event string, data []byte) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	count := 0
	for st := range h.streams {
		if !match(st.grant.Tag) {
			continue
		}
		count++
		select {
		case <-st.news:
		default:
		}
		st.news <- news{event, data} // only here, under the lock
	}
	return count
}
