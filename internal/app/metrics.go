package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/loglane/loglane/internal/server"
)

func (m *Metrics) check() error {
	if m.MetricsAddr == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(m.MetricsAddr); err != nil {
		return Wrong("metrics-addr", m.MetricsAddr, "it is not HOST:PORT")
	}
	return nil
}

// startMetrics serves the counters on an address of their own.
func (a *App) startMetrics(ctx context.Context) error {
	if a.settings.MetricsAddr == "" {
		return nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.settings.MetricsAddr)
	if err != nil {
		return fmt.Errorf("--metrics-addr %s: %w", a.settings.MetricsAddr, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.server.Metrics())
	metrics := server.NewHTTP(mux, a.log)
	metrics.WriteTimeout = arriveTime
	a.spawn("metrics", func(context.Context) error {
		if err := metrics.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	a.ending.push("metrics", func(context.Context) error { return metrics.Close() })
	a.log.Info("serving metrics", "url", "http://"+listener.Addr().String()+"/metrics")
	return nil
}

// spawnShedding ends the newest streams while the memory is all but used up.
func (a *App) spawnShedding() {
	a.spawn("memory", func(ctx context.Context) error {
		return a.headroom.watch(ctx, func(n int) {
			if ended := a.hub.Shed(n, "memory"); ended > 0 {
				a.log.Warn("the memory is all but used up (memory-limit): the newest streams end", "streams", ended)
			}
		}, func() int { return a.hub.Stats().Streams })
	})
}
