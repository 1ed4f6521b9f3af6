package redisbroker

// ParseServerInfo reads an answer to INFO.
var ParseServerInfo = parseServerInfo

// Hosts returns the further servers of a URL.
func Hosts(rawURL string) ([]string, error) {
	a, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	return a.hosts, nil
}

// SlotOf is the slot of a key.
var SlotOf = slotOf
