package app

import (
	"reflect"
	"testing"

	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
)

// Each setting reaches the limit that it names.
func TestSettingsReachTheirLimits(t *testing.T) {
	var s Settings
	s.MaxStreams, s.MaxStreamsPerUser, s.MaxStreamsPerAddress = 1, 2, 3
	s.Limits = Limits{
		MaxChannelsPerUser: 4, MaxOpens: 5, MaxOpensPerUser: 6, MaxOpensPerAddress: 7, MaxReplays: 8, MaxSearchesPerUser: 9, MaxWrongTokens: 10,
		IngestBytesPerSecond: 11, IngestLinesPerSecond: 12, IngestMemory: 13, MaxIngestRequests: 14, MaxIngestPerToken: 15, MaxNewChannels: 16, MaxNewProducers: 17,
		LoginTries: 18, LoginTriesPerAddress: 19, LoginTriesPerUser: 20, MaxSessionsPerUser: 21,
	}
	want := server.Limits{
		Streams: 1, PerUser: 2, PerAddress: 3, ChannelsPerUser: 4, Opens: 5, OpensPerUser: 6, OpensPerAddress: 7, Replays: 8, SearchesPerUser: 9, WrongTokens: 10,
		Ingest: server.IngestLimits{BytesPerSecond: 11, LinesPerSecond: 12, Memory: 13, Requests: 14, PerToken: 15, NewChannels: 16, NewProducers: 17},
	}
	if got := s.serverLimits(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	var o auth.LoginOptions
	s.tries(&o)
	if got := []int{o.AccountTries.Burst, o.AddressTries.Burst, o.TotalTries.Burst, o.MaxSessions}; !reflect.DeepEqual(got, []int{18, 19, 20, 21}) {
		t.Errorf("logins have %v", got)
	}
}
