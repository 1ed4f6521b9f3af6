// Package server is the gateway's HTTP side: all routes on one screen (see routes in
// routes.go), the middleware around them, the limits of open streams, health and the
// drain.
//
//	srv, err := server.New(server.Options{Hub: hub, Login: login, Pages: web.Files()})
//	if err != nil {
//		return err
//	}
//	listener, err := server.Listen(ctx, "127.0.0.1:8080")
//	if err != nil {
//		return err
//	}
//	return server.NewHTTP(srv.Handler(), logger).Serve(listener)
//
// Which channel a request sees follows from its principal, through one function that no
// route passes by; a request can only ask for another channel, and is then judged by
// [auth.Principal.Authorize].
package server
