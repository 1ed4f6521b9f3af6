package chaos_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
	"github.com/loglane/loglane/internal/porttest"
	"github.com/loglane/loglane/internal/redistest"
)

// proxyBefore starts an nginx before gateways. It returns where it answers.
func proxyBefore(t *testing.T, gateways ...*chaos.Program) (addr string) {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			t.Fatal("nginx is missing: install it (Debian: apt-get install nginx), or run make test")
		}
	}
	dir, addr := t.TempDir(), porttest.Addr(t)
	servers, user := "", ""
	for _, g := range gateways {
		servers += fmt.Sprintf("        server %s max_fails=0;\n", g.Addr)
	}
	if os.Getuid() == 0 {
		user = "user root;\n"
	}
	config := user + `daemon off;
pid nginx.pid;
error_log stderr;
worker_processes 1;
worker_rlimit_nofile 16000;
events { worker_connections 8000; }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxied;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    upstream gateways {
` + servers + `    }
    server {
        listen ` + addr + ` backlog=4096;
        location / {
            proxy_pass http://gateways;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_connect_timeout 2s;
            proxy_next_upstream error timeout http_503;
            proxy_read_timeout 5m;
        }
    }
}
`
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	nginx := exec.Command(path, "-p", dir, "-c", "nginx.conf", "-e", "stderr")
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = nginx.Process.Signal(os.Interrupt) // it may have ended by itself
		_ = nginx.Wait()                       // interrupted is what it says
	})
	for deadline := time.Now().Add(10 * time.Second); ; pause(20 * time.Millisecond) {
		resp, err := http.Get("http://" + addr + "/healthz")
		if err == nil {
			resp.Body.Close()
			return addr
		}
		if time.Now().After(deadline) {
			t.Fatalf("nginx does not answer: %v", err)
		}
	}
}

// TestRollingRestart restarts gateways one after the other behind nginx, with the usual
// --drain-timeout. Who was at the first one comes to the others and is there when these end: the
// third has up to three quarters of the viewers.
func TestRollingRestart(t *testing.T) {
	fault(t)
	viewers, rate := sized(600, 2000), sized(20, 50)
	redis := redistest.Start(t)
	s := &scene{T: t, redis: redis, ledger: chaos.NewLedger(alice), broker: openBroker(t, redis.URL(), loglane.Retention{})}
	settled := sized(3*time.Second, 6*time.Second)
	first := chaos.Serve(t, redis.URL())
	gateways := []*chaos.Program{first, first.Beside(redis.URL()), first.Beside(redis.URL())}
	addr := proxyBefore(t, gateways...)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	s.crowd = chaos.Gather(t.Context(), viewers, "http://"+addr+"/api/v1/stream", first.Header, client)
	t.Cleanup(s.crowd.Leave)
	if err := s.crowd.Opened(60 * time.Second); err != nil {
		t.Fatal(err)
	}
	s.log(4, rate)
	pause(2 * time.Second)
	began := time.Now()
	for _, g := range gateways {
		g.End()
		g.Start()
		if _, err := g.AwaitReady(http.StatusOK, 10*time.Second); err != nil {
			t.Fatal(err)
		}
		pause(settled) // as a deployment waits until a gateway is ready and taken in
	}
	took := time.Since(began)
	v := s.finish()
	tally := s.crowd.Tally()
	var tried []time.Duration
	again := 0
	for _, viewer := range s.crowd.Viewers {
		for _, at := range viewer.Tried() {
			if at.After(began) {
				tried = append(tried, at.Sub(began))
			}
		}
		for _, at := range viewer.Opened() {
			if at.After(began) {
				again++
			}
		}
	}
	if v.Gaps > 0 || again < viewers {
		t.Errorf("%d gaps %v; %d streams opened again", v.Gaps, tally.Gaps, again)
	}
	most := mostWithin(time.Second, sorted(tried))
	if most > viewers/10 {
		t.Errorf("%d of %d viewers came again within one second", most, viewers)
	}
	s.report("3 gateways restarted one after the other behind nginx", fmt.Sprintf("%d viewers, %d lines/s, %v", viewers, rate, took.Round(time.Second)), v,
		fmt.Sprintf("%d streams opened again, of %d asked for; at most %d (%.1f %% of the viewers) asked within one second; 0 viewers without the last line", again, len(tried), most, 100*float64(most)/float64(viewers)))
}

// mostWithin is how many of sorted times at most lie within a span, wherever it begins.
func mostWithin(span time.Duration, times []time.Duration) (most int) {
	first := 0
	for n, at := range times {
		for at-times[first] >= span {
			first++
		}
		most = max(most, n-first+1)
	}
	return most
}
