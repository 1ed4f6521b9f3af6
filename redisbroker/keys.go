package redisbroker

// The names in Redis of what belongs to a channel: wire.md §2.
func streamKey(channel string) string { return "stream:" + channel }

func metaKey(channel string) string { return "loglane:meta:{" + channel + "}" }

func sessionKey(key string) string { return "loglane:session:" + key }

func tokenKey(id string) string { return "loglane:token:" + id }

const (
	// controlChannel carries notices between gateways. No log channel has its name, for
	// theirs begin with "logs:".
	controlChannel = "ll:control"
	probePrefix    = "ll:probe:"
)
