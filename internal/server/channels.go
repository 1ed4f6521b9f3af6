package server

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

const (
	defaultChannels = 1000
	maxChannels     = 10_000
	maxPrefix       = 512
)

// channels are the channels that have a history.
type channels struct {
	Channels []channel `json:"channels"`
	More     bool      `json:"more"` // there are others
}

type channel struct {
	Channel string     `json:"channel"` // context
	Lines   int64      `json:"lines"`   // that are kept
	Last    *time.Time `json:"last"`    // of the last line; null where that is unknown
}

func (s *Server) serveChannels(w http.ResponseWriter, r *http.Request) {
	answer, err := s.listChannels(r)
	if err != nil {
		s.writeError(w, brokerFault(err))
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (s *Server) listChannels(r *http.Request) (channels, error) {
	p, err := s.caller(r)
	if err != nil {
		return channels{}, err
	}
	query := r.URL.Query()
	prefix := query.Get("prefix")
	pass, err := s.authorize(p, asked{channel: anyOther, name: prefix}, r, auth.List, "list")
	if err != nil {
		return channels{}, err
	}
	limit, err := channelsAsked(query)
	if err != nil {
		return channels{}, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), brokerTime)
	defer cancel()
	list, more, err := s.door.List(ctx, pass, loglane.ChannelPrefix+prefix, limit)
	if err != nil {
		return channels{}, err
	}
	answer := channels{Channels: make([]channel, 0, len(list)), More: more}
	for _, info := range list {
		c := channel{Channel: loglane.ContextOf(info.Channel), Lines: info.Lines}
		if !info.Last.IsZero() {
			c.Last = &info.Last
		}
		answer.Channels = append(answer.Channels, c)
	}
	return answer, nil
}

// channelsAsked returns how many channels are asked for.
func channelsAsked(query url.Values) (limit int, err error) {
	bad := func(format string, args ...any) error {
		return &loglane.StatusError{Code: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
	}
	if prefix := query.Get("prefix"); len(prefix) > maxPrefix || !utf8.ValidString(prefix) {
		return 0, bad("prefix: take at most %d bytes of UTF-8, such as User.", maxPrefix)
	}
	s := query.Get("limit")
	if s == "" {
		return defaultChannels, nil
	}
	limit, err = strconv.Atoi(s)
	if err != nil || limit < 1 || limit > maxChannels {
		return 0, bad("limit=%.40q: take a number from 1 to %d", s, maxChannels)
	}
	return limit, nil
}
