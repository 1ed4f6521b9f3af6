package redisbroker

// ParseServerInfo reads an answer to INFO.
var ParseServerInfo = parseServerInfo
