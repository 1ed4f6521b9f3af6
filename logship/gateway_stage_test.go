package logship_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/loglane/loglane/internal/gatewaytest"
	"github.com/loglane/loglane/logship"
)

// A wire brings requests to a handler without a socket, so that it works in a bubble.
type wire struct{ http.Handler }

func (w wire) RoundTrip(r *http.Request) (response *http.Response, err error) {
	defer r.Body.Close()
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("the connection was cut")
		}
	}()
	recorder := httptest.NewRecorder()
	w.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// over returns the sink that posts to h as to http://gateway.test/logs/.
func over(t testing.TB, h http.Handler) *logship.Gateway {
	t.Helper()
	g, err := logship.NewGateway("http://gateway.test/logs/", &logship.GatewayOptions{
		Token: gatewaytest.Token, HTTPClient: &http.Client{Transport: wire{h}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func newGateway(t testing.TB) *gatewaytest.Gateway {
	t.Helper()
	g := gatewaytest.New(t)
	g.Prefix = "/logs"
	return g
}

var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

func wantAt(t testing.TB, g *gatewaytest.Gateway, channelContext string, want []string) {
	t.Helper()
	if got := g.Messages(channelContext); !slices.Equal(got, want) {
		t.Errorf("%s has %d lines, want %d:\n%.2000q\nwant\n%.2000q", channelContext, len(got), len(want), got, want)
	}
}
