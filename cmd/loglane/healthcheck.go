package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/loglane/loglane/internal/app"
)

type healthcheckCmd struct {
	app.Place
	app.ConfigFile
	Timeout time.Duration `name:"timeout" default:"3s" help:"How long the answer may take."`
}

func (*healthcheckCmd) examples() string {
	return `  loglane healthcheck
  loglane healthcheck --addr 127.0.0.1:9000 --base-path /logs/
  HEALTHCHECK CMD ["/loglane", "healthcheck"]     # in a Dockerfile, with LOGLANE_ADDR set`
}

// Run succeeds where the gateway answers.
func (c *healthcheckCmd) Run(t terminal, v *values) error {
	if err := errors.Join(v.problems(), c.Place.Check()); err != nil {
		return err
	}
	client := &http.Client{
		Timeout: c.Timeout,
		// Nobody but the gateway listens at its own address, nothing secret is sent, and its
		// certificate names others than this address: whether it can be trusted is not the
		// question here.
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true, DialContext: c.Dial},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Get(c.URL() + "healthz")
	if err != nil {
		return fmt.Errorf("no gateway answers (is --addr right?): %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%shealthz answers %s", c.URL(), answer.Status)
	}
	_, err = fmt.Fprintln(t.out, "ok")
	return err
}
