// Package redisbroker is the loglane.Broker on Redis 6.2 or later, and Valkey: Pub/Sub
// carries lines live, Streams keep their history, and one script stores before it
// publishes.
//
//	broker, err := redisbroker.New(redisbroker.Options{URL: "redis://127.0.0.1:6379/1"})
//	if err != nil {
//		return err
//	}
//	defer broker.Close(context.Background())
//	hub, err := loglane.NewHub(broker, nil)
//
// Whatever the number of channels and viewers, a process has one Pub/Sub connection.
// Publisher and gateway must use the same database number: the history is per database,
// Pub/Sub is not.
//
// The keys, the fields and what the scripts do with them are a contract, on which programs
// in other languages depend; docs/protocol.md has what a publisher needs of it.
package redisbroker
