package redisbroker

import "strings"

// The names in Redis of what belongs to a channel: docs/protocol.md. In a cluster the braces keep
// all of a channel in one slot, which is the Pub/Sub channel's, too.
func (l layout) streamKey(channel string) string {
	if l == cluster {
		return "stream:{" + channel + "}"
	}
	return "stream:" + channel
}

// streamPattern matches the streams whose channels begin with a prefix; special signs in
// it are escaped.
func (l layout) streamPattern(prefix string) string {
	if l == cluster {
		return "stream:{" + prefix + "*}"
	}
	return "stream:" + prefix + "*"
}

// channelOf is the channel that a stream belongs to.
func (l layout) channelOf(stream string) string {
	if l == cluster {
		return strings.TrimSuffix(strings.TrimPrefix(stream, "stream:{"), "}")
	}
	return strings.TrimPrefix(stream, "stream:")
}

// publish is the command that live lines go out by.
func (l layout) publish() string {
	if l == cluster {
		return "SPUBLISH"
	}
	return "PUBLISH"
}

func metaKey(channel string) string { return "loglane:meta:{" + channel + "}" }

func sessionKey(key string) string { return "loglane:session:" + key }

func tokenKey(id string) string { return "loglane:token:" + id }

const (
	// controlChannel carries notices between gateways. No log channel has its name, for
	// theirs begin with "logs:".
	controlChannel = "ll:control"
	probePrefix    = "ll:probe:"
)
