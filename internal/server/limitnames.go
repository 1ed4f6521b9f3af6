package server

// limitNames are the settings that a refusal may name, so that Prometheus knows each before the
// first: an alert on what is absent never fires.
var limitNames = []string{
	"max-streams", "max-streams-per-user", "max-streams-per-address", "max-channels", "max-channels-per-user",
	"max-opens-per-second-per-user", "max-opens-per-second-per-address", "max-replays", "max-searches-per-user",
	"login-tries", "login-tries-per-address", "login-tries-per-user", "max-logins-at-once", "max-wrong-tokens-per-minute",
	"oidc-tries-per-address",
	"max-ingest-bytes-per-second", "max-ingest-lines-per-second", "max-ingest-requests", "max-ingest-requests-per-token",
	"ingest-memory", "max-new-channels-per-minute", "max-new-producers-per-minute",
	"max-connections", "memory-limit",
}
