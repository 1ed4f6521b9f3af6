package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/loglane/loglane/internal/server"
)

// arriveTime is how long the start waits for the broker's answer.
const arriveTime = 5 * time.Second

// Start listens, asks the broker, and serves. After an error, [App.Stop] ends what was
// begun.
func (a *App) Start(ctx context.Context) error {
	listener, err := server.Listen(ctx, a.settings.Addr)
	if err != nil {
		return err
	}
	listener = server.Bounded(listener, a.settings.connections(), a.server.RefusedConnection)
	a.listener = listener
	a.ending.push("listener", func(context.Context) error { return ignoreClosed(listener.Close()) })
	if err := a.settings.onLoopback(listener.Addr()); err != nil {
		return err
	}

	arriving, cancel := context.WithTimeout(ctx, arriveTime)
	defer cancel()
	if err := a.upstream.arrive(arriving); err != nil {
		return err
	}
	a.http = server.NewHTTP(a.server.Handler(), a.log)
	if a.certificate != nil {
		a.http.TLSConfig = a.certificate.TLS()
	}
	a.headroom.tellCollector()
	if err := a.startMetrics(ctx); err != nil {
		return err
	}
	a.spawn("serving", a.serve)
	a.ending.push("connections", a.shutdown)
	a.ending.push("streams", a.drain)
	a.log.Info("serving", "url", a.URL(), "addr", a.settings.Addr, "broker", a.upstream.name)
	return nil
}

// URL is where a browser on this machine finds a started gateway.
func (a *App) URL() string {
	place := a.settings.Place
	if a.listener.Addr().Network() != "unix" {
		place.Addr = a.listener.Addr().String()
	}
	return place.URL()
}

// serve returns once the connections' cleanup has begun.
func (a *App) serve(context.Context) error {
	serve := a.http.Serve
	if a.http.TLSConfig != nil {
		serve = func(l net.Listener) error { return a.http.ServeTLS(l, "", "") }
	}
	if err := serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// drain ends the streams while the connections still stand, so that each gets its bye
// and a clean end.
func (a *App) drain(ctx context.Context) error {
	a.server.Drain()
	if n := a.hub.Stats().Streams; n > 0 {
		a.log.Info("draining", "streams", n)
	}
	return a.hub.Close(ctx)
}

// shutdown waits for the answers under way, and cuts them when ctx ends.
func (a *App) shutdown(ctx context.Context) error {
	err := a.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, a.http.Close())
	}
	return err
}

// Stop ends the streams with a bye, then the answers under way, then all the rest: the
// last begun first. When ctx ends before, it cuts what is left. It returns once nothing
// of the gateway runs any more.
func (a *App) Stop(ctx context.Context) error {
	serving := a.http != nil && len(a.ending) > 0
	err := a.ending.unwind(ctx)
	if serving {
		a.log.Info("stopped")
	}
	return err
}

// Run starts the gateway, serves until ctx ends, and stops it; started is called once it
// serves, nil is nothing. The stop takes at most the drain timeout, and less when cut
// ends before.
func (a *App) Run(ctx, cut context.Context, started func()) error {
	err := a.Start(ctx)
	if err == nil {
		if started != nil {
			started()
		}
		select {
		case <-ctx.Done():
		case err = <-a.failed:
		}
	}
	stopping, cancel := context.WithTimeout(cut, a.settings.DrainTimeout)
	defer cancel()
	return errors.Join(err, a.Stop(stopping))
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
