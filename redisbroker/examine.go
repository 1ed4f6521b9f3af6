package redisbroker

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/loglane/loglane"
)

// tripTime is how long a line may take from PUBLISH to a subscriber.
const tripTime = 3 * time.Second

// Examine looks at a Redis as a gateway with these options would use it, and changes
// nothing in it: the commands that would are queued in a transaction that never runs. For
// the time listening it hears what is published, to find out where it is stored; 0 does
// not listen. In a cluster it hears SPUBLISH in at most 1,000 channels that have a history
// or followers. It takes some seconds at most, or as long as ctx.
//
// An error means that there is nothing to report: the options are wrong, Redis refuses the
// login ([*RejectedError]), or it cannot be reached ([loglane.ErrUnavailable]).
func Examine(ctx context.Context, opts Options, listening time.Duration) (*Report, error) {
	opts.Logger = slog.New(slog.DiscardHandler) // what it would log is in the report
	a, err := parseAddress(opts)
	if err != nil {
		return nil, err
	}
	option := a.option
	username := option.Username
	if username == "" {
		username = "default"
	}
	e := &examination{opts: opts, option: option, report: &Report{URL: Redacted(opts.URL), User: username, Database: option.SelectDB}}
	if a.layout == sentinel {
		e.sentinels = newSentinels(a, func() {}, opts.Logger)
		e.option.DialCtxFn = e.sentinels.dial
	}
	defer e.close()
	if a.layout == cluster {
		e.report.Cluster = true
		err = e.runCluster(ctx, listening)
	} else {
		err = e.run(ctx, listening)
	}
	if err != nil {
		return nil, err
	}
	return e.report, nil
}

// An examination fills a report in. It has a client for each database.
type examination struct {
	opts    Options
	option  rueidis.ClientOption
	report  *Report
	clients map[int]rueidis.Client

	sentinels *sentinels // nil where the URL names none
}

func (e *examination) run(ctx context.Context, listening time.Duration) error {
	bare, err := e.client(0)
	if err != nil {
		return err
	}
	if err := answer(bare.Do(ctx, bare.B().Ping().Build()).Error()); err != nil {
		return err
	}
	r := e.report
	e.look(ctx, bare)
	if r.Server.Mode == "cluster" || r.Server.Mode == "sentinel" {
		return nil // most commands fail there, and that is why
	}
	if r.Missing, r.Refusals, err = missingRights(ctx, bare, rights, loglane.NewProducer()); err != nil {
		return err
	}
	r.Missing = slices.DeleteFunc(r.Missing, func(rule string) bool { return rule == "+select" && r.Database == 0 })
	if slices.Contains(r.Missing, "+select") {
		return nil // all the rest fails for that
	}
	client, err := e.client(r.Database)
	if err != nil {
		return err
	}
	clock, err := client.Do(ctx, client.B().Time().Build()).AsStrSlice()
	if err := answer(err); err != nil {
		return err
	}
	if len(clock) == 2 {
		r.now = time.Unix(int64(parseNumber(clock[0])), int64(parseNumber(clock[1]))*1000)
	}
	r.Whole = true
	return e.lines(ctx, client, listening)
}

// look asks Redis about itself. Where it may not be asked, the report says so.
func (e *examination) look(ctx context.Context, client rueidis.Client) {
	if text, err := client.Do(ctx, client.B().Info().Build()).ToString(); err == nil {
		e.report.Server = parseServerInfo(text)
	}
}

// answer takes a refusal of rights for the answer that it is; they are judged apart.
func answer(err error) error {
	if err == nil || strings.HasPrefix(err.Error(), "NOPERM") {
		return nil
	}
	return refusal(err)
}

// lines looks at histories and live lines.
func (e *examination) lines(ctx context.Context, client rueidis.Client, span time.Duration) (err error) {
	r := e.report
	began := now()
	var l *listening
	if span > 0 {
		l, err = listen(ctx, client)
	}
	if l != nil {
		defer l.end()
	}
	if fault := answer(err); fault != nil {
		return fault
	}
	if err := e.census(ctx, client); err != nil {
		return err
	}
	if len(r.unusable()) == 0 {
		r.Trip, r.NoTrip = e.roundTrip(ctx)
	}
	if l == nil {
		return nil
	}
	return e.place(ctx, l.hearAll(ctx, began.Add(span)))
}

// census looks for channels in this database and the others that have keys.
func (e *examination) census(ctx context.Context, client rueidis.Client) error {
	r := e.report
	var err error
	if r.Census, err = takeCensus(ctx, client, standalone, r.Database, now().Add(censusTime)); err != nil {
		return answer(err)
	}
	ends := now().Add(censusTime) // of all others together
	for _, database := range r.Server.Databases {
		if database == r.Database {
			continue
		}
		if now().After(ends) {
			return nil
		}
		other, err := e.client(database)
		if err != nil {
			return err
		}
		census, err := takeCensus(ctx, other, standalone, database, ends)
		if err := answer(err); err != nil {
			return err
		}
		if len(census.Channels) > 0 {
			r.Others = append(r.Others, census)
		}
	}
	return nil
}

// roundTrip publishes a message that must come back to a subscriber, over connections as
// the broker makes them.
func (e *examination) roundTrip(ctx context.Context) (time.Duration, error) {
	broker, err := New(e.opts)
	if err != nil {
		return 0, err
	}
	defer broker.Close(ctx)
	ctx, cancel := context.WithTimeout(ctx, tripTime)
	defer cancel()
	channel := probePrefix + "check:" + loglane.NewProducer()
	events := make(chan loglane.Event, 8)
	defer broker.Follow(channel, func(event loglane.Event) {
		select {
		case events <- event:
		default: // more than a trip needs
		}
	})()
	var sent time.Time
	for {
		select {
		case <-ctx.Done():
			return 0, errors.New("a published message did not come back")
		case event := <-events:
			switch {
			case event.Kind == loglane.Broken && event.Err != nil:
				return 0, event.Err
			case event.Kind == loglane.Confirmed:
				sent = now()
				publish := func(b rueidis.Builder) rueidis.Completed {
					return b.Arbitrary(broker.layout.publish(), channel, "").Build()
				}
				if err := broker.do(ctx, channel, publish).Error(); err != nil {
					return 0, err
				}
			case event.Kind == loglane.Lines:
				return now().Sub(sent), nil
			}
		}
	}
}

// place finds out which databases hold the lines that were heard.
func (e *examination) place(ctx context.Context, heard []rueidis.PubSubMessage) error {
	r := e.report
	if len(heard) > 0 {
		e.look(ctx, e.clients[r.Database]) // the first line may have made the database
	}
	databases := []int{r.Database}
	for _, database := range r.Server.Databases {
		if database != r.Database {
			databases = append(databases, database)
		}
	}
	for _, m := range heard {
		line := HeardLine{Channel: m.Channel, Database: -1}
		for _, database := range databases {
			client, err := e.client(database)
			if err != nil {
				return err
			}
			found, err := stores(ctx, asks(client), standalone, m)
			if err := answer(err); err != nil {
				return err
			}
			if found {
				line.Database = database
				break
			}
		}
		r.Heard = append(r.Heard, line)
	}
	return nil
}

// client returns the client of a database.
func (e *examination) client(database int) (rueidis.Client, error) {
	if client, found := e.clients[database]; found {
		return client, nil
	}
	option := e.option
	option.SelectDB = database
	client, err := rueidis.NewClient(option)
	if client == nil {
		return nil, unavailable(err)
	}
	if e.clients == nil {
		e.clients = make(map[int]rueidis.Client)
	}
	e.clients[database] = client
	return client, nil
}

func (e *examination) close() {
	for _, client := range e.clients {
		client.Close()
	}
	if e.sentinels != nil {
		e.sentinels.close()
	}
}
