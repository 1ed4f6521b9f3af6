package server

import (
	"net/http"
)

// A Route is a pattern of [http.ServeMux] and what answers it.
type Route struct {
	Pattern string
	Handler http.Handler
}

// routes are all that the gateway answers.
func (s *Server) routes() []Route {
	routes := []Route{
		{s.base + "api/v1/stream", s.stream()},
		{s.base + "api/v1/stream/{$}", s.stream()},
		{"POST " + s.base + "api/v1/logs", http.HandlerFunc(s.serveIngest)},
		{"GET " + s.base + "api/v1/logs", brief(s.history().ServeHTTP)},
		{"DELETE " + s.base + "api/v1/logs", brief(s.purge)},
		{"GET " + s.base + "api/v1/channels", brief(s.serveChannels)},
		{"GET " + s.base + "api/v1/me", brief(s.serveMe)},
		{"GET " + s.base + "login", brief(s.serveLogin)},
		{"POST " + s.base + "login", brief(s.signIn)},
		{"GET " + s.base + "login/oidc", brief(s.startSignIn)},
		{"GET " + s.base + "login/oidc/callback", brief(s.finishSignIn)},
		{"POST " + s.base + "login/oidc/backchannel", brief(s.endSessions)},
		{"POST " + s.base + "logout", brief(s.signOut)},
		{"GET " + s.base + "healthz", brief(s.serveHealth)},
		{"GET " + s.base + "readyz", brief(s.serveReady)},
		{"GET " + s.base + "assets/{name...}", brief(s.serveAsset)},
		{"GET " + s.base + "{$}", brief(s.serveIndex)},
	}
	for _, r := range s.opts.Beside {
		routes = append(routes, Route{r.Pattern, brief(r.Handler.ServeHTTP)})
	}
	return routes
}

// Handler returns the routes within their middleware; the outermost stands first.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.Handle(r.Pattern, r.Handler)
	}
	var h http.Handler = mux
	h = s.sharing(h)
	h = s.sameOrigin(h)
	h = secure(h)
	h = s.recovering(h)
	h = s.metrics.counting(h)
	h = bounded(h, s.opts.readTime)
	h = s.believing(h)
	h = s.peered(h)
	return h
}
