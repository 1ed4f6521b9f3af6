package server

// Patterns are those of all routes, for the test that demands a row for each.
func (s *Server) Patterns() []string {
	var patterns []string
	for _, r := range s.routes() {
		patterns = append(patterns, r.Pattern)
	}
	return patterns
}
