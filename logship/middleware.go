package logship

import "net/http"

// Middleware returns a handler that gives next each request with a context whose lines
// are those of the user whom user names, as [WithUser] makes it: what next logs with the
// request's context goes to that user's channel. A request that user names nobody for, "",
// goes on as it is. user must know who somebody is, not ask: it is called before next, so
// it belongs inside of what checks the login.
//
// It logs nothing by itself and hands the [http.ResponseWriter] on untouched, so that
// streaming, hijacking and deadlines work as without it.
func Middleware(next http.Handler, user func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := user(r); name != "" {
			r = r.WithContext(WithUser(r.Context(), name))
		}
		next.ServeHTTP(w, r)
	})
}
