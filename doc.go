// Package loglane streams log lines to the people they are about: exactly once and
// in order, or with a counted gap, never with silence.
//
// A [Broker] keeps channels: named, ordered, short histories of log lines that also
// tell of every new line. A [Hub] joins a broker's history and its live lines into
// exact streams and serves them as server-sent events. It mounts into any server:
//
//	broker, err := loglane.NewMemoryBroker(nil)
//	if err != nil {
//		return err
//	}
//	hub, err := loglane.NewHub(broker, nil)
//	if err != nil {
//		return err
//	}
//	defer hub.Close(context.Background())
//	mux.Handle("GET /logs", hub.Stream(func(r *http.Request) (loglane.Grant, error) {
//		user := currentUser(r) // who is asking is the caller's business
//		if user == "" {
//			return loglane.Grant{}, &loglane.StatusError{Code: http.StatusUnauthorized, Message: "not signed in"}
//		}
//		channel, err := loglane.DefaultTemplate.Channel(user)
//		return loglane.Grant{Channel: channel}, err
//	}, nil))
//
// [Hub.History] answers with what is stored, by place or time, to the same callers.
//
// Lines come from package logship (a slog.Handler), or from any program that writes
// the broker's own protocol; package redisbroker is the Broker on Redis.
//
// The words: a channel is a named, ordered log; a record is one log line with its
// fields; an entry is a record with its place; a cursor is a place; a producer is one
// run of a publishing program.
package loglane
