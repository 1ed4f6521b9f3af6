// Package logship publishes a program's log lines: each user's to the user's own
// channel, and all of them to the global one.
//
//	handler := logship.NewHandler(broker, nil)
//	defer handler.Shutdown(ctx)
//	log := slog.New(handler)
//
//	ctx = logship.WithUser(ctx, "alice")
//	log.InfoContext(ctx, "cart changed", "items", 3)
//
// The line now stands in logs:User.alice and in logs:global:
//
//	{"message":"cart changed","level":"INFO","timestamp":"2026-05-04T09:00:00.000000000Z","context":"User.alice","attrs":{"items":3}}
//
// A program that keeps its own output beside it names that as [Options.Next]:
//
//	handler := logship.NewHandler(broker, &logship.Options{
//		Next: slog.NewTextHandler(os.Stderr, nil),
//	})
//
// # Where lines go
//
// The sink is a [loglane.Broker], such as a redisbroker.Broker for a program beside the
// gateway's Redis, or a [Gateway], for one that only reaches the gateway and has an API
// token for it:
//
//	gateway, err := logship.NewGateway("https://logs.example.com/", &logship.GatewayOptions{
//		TokenFile: "/run/secrets/loglane-token",
//	})
//	if err != nil {
//		return err
//	}
//	defer gateway.Close()
//	handler := logship.NewHandler(gateway, nil)
//
// # Other logging packages
//
// A [Writer] takes lines, of JSON or text, from whatever writes to an [io.Writer]. UserKey
// names the member that says whose line it is:
//
//	w := logship.NewWriter(ctx, handler, &logship.WriterOptions{UserKey: "user"})
//	defer w.Close()
//
//	log.SetFlags(0) // the record has the time
//	log.SetOutput(w)
//
//	zlog := zerolog.New(w).With().Timestamp().Logger()
//	zlog.Info().Str("user", "alice").Msg("cart changed")
//
//	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
//	zap.New(zapcore.NewCore(encoder, w, zap.InfoLevel)).Info("cart changed", zap.String("user", "alice"))
//
// # Whose line it is
//
// The context given to the log call says it: [WithUser] names a user, [WithJob] makes a
// channel for a job that belongs to no user. In an HTTP server, [Middleware] does it for
// each request:
//
//	http.ListenAndServe(addr, logship.Middleware(mux, func(r *http.Request) string {
//		return sessions.UserOf(r) // "" for nobody
//	}))
//
// A line with neither goes to a channel of the process's own, made at start; so does a
// line whose user's name cannot be a channel, and a warning there says so. It never goes
// to somebody else's.
//
// # Secrets
//
// Passwords, tokens and the like are taken out of a record before it enters the queue, and
// [redacted] stands in their place: [Redaction] says which, and how to let one pass.
//
// # What is promised
//
// Logging never waits, unless [Options.Block] says so. A record is put into a queue in
// memory and sent in the background: at once where nothing is under way in its channel,
// else in the next batch. A full queue drops the newest records, counts them, and a line
// in the channel says how many are missing where they are missing.
//
// What was taken into the queue is sent until it is acknowledged, and then kept for
// 10 s (up to 1 MiB in all), because a broker that fails over may lose what it had
// acknowledged; it says so, and gets the lines again. So a line is there once and in
// order, and where one could not be saved, a line in the channel says that. So it does of
// lines that a sink will never take, which are given up: [RejectedError].
//
// [Handler.Flush] waits for the acknowledgements; [Handler.Shutdown], at the end of the
// program, too, and ends what the handler started.
//
// # How values are written
//
// Every value becomes valid JSON: what encodes itself as JSON or as text does, errors
// and Stringers are their words, durations are "1.5s", []byte is text where it is
// UTF-8, NaN and infinities are strings, and a value that fails or panics is the text of
// that. Of a name that comes twice in a group the later value counts. Attributes logger,
// pod, trace_id and span_id outside of groups become members of the record where their
// values are text.
package logship
