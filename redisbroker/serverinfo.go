package redisbroker

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A ServerInfo is what Redis says of itself. Where the user may not ask (the command INFO),
// Version is "" and the rest is unknown.
type ServerInfo struct {
	Name       string // Redis or Valkey
	Version    string // such as 7.0.15
	Mode       string // standalone, sentinel or cluster
	Replica    bool
	MaxMemory  int64  // bytes; 0 is without limit
	Policy     string // maxmemory-policy, such as noeviction
	AppendOnly bool   // writes are kept in the append-only file
	Databases  []int  // that have keys
}

// parseServerInfo reads an answer to INFO; what is not there keeps its zero value.
func parseServerInfo(text string) ServerInfo {
	info := ServerInfo{Name: "Redis"}
	for line := range strings.Lines(text) {
		name, value, found := strings.Cut(strings.TrimSpace(line), ":")
		if !found {
			continue
		}
		switch name {
		case "redis_version":
			if info.Version == "" {
				info.Version = value
			}
		case "valkey_version":
			info.Name, info.Version = "Valkey", value
		case "redis_mode", "server_mode":
			info.Mode = value
		case "role":
			info.Replica = value == "slave"
		case "maxmemory":
			info.MaxMemory, _ = strconv.ParseInt(value, 10, 64) // 0 where it is no number
		case "maxmemory_policy":
			info.Policy = value
		case "aof_enabled":
			info.AppendOnly = value == "1"
		default:
			if n, err := strconv.ParseUint(strings.TrimPrefix(name, "db"), 10, 16); err == nil && strings.HasPrefix(value, "keys=") {
				info.Databases = append(info.Databases, int(n))
			}
		}
	}
	slices.Sort(info.Databases)
	return info
}

// short is the version as people say it, such as 7.0.
func (i ServerInfo) short() string {
	parts := strings.SplitN(i.Version, ".", 3)
	return strings.Join(parts[:min(len(parts), 2)], ".")
}

// before says whether the version is older; one that cannot be read is not.
func (i ServerInfo) before(major, minor int) bool {
	var a, b int
	if _, err := fmt.Sscanf(i.Version, "%d.%d", &a, &b); err != nil {
		return false
	}
	return a < major || a == major && b < minor
}

// evicts says whether Redis removes keys that have not expired once its memory is full.
func (i ServerInfo) evicts() bool { return i.Policy != "" && i.Policy != "noeviction" }
