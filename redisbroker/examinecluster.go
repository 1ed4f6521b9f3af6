package redisbroker

import (
	"context"
	"slices"
	"time"

	"github.com/redis/rueidis"

	"github.com/loglane/loglane"
)

// runCluster fills the report in by what every master says.
func (e *examination) runCluster(ctx context.Context, span time.Duration) error {
	broker, err := New(e.opts)
	if err != nil {
		return err
	}
	defer broker.Close(ctx)
	if err := answer(broker.Ping(ctx)); err != nil {
		return err
	}
	masters, err := broker.masters()
	if err != nil {
		return unavailable(err)
	}
	r := e.report
	ends := now().Add(censusTime)
	for _, client := range masters {
		if err := e.lookAtMaster(ctx, client, ends); err != nil {
			return err
		}
	}
	r.Whole = true
	var l *listening
	began := now()
	if span > 0 {
		if l, err = broker.listenInCluster(ctx, r.Census.Channels); err != nil {
			return answer(err)
		}
		defer l.end()
	}
	if len(r.unusable()) == 0 {
		r.Trip, r.NoTrip = e.roundTrip(ctx)
	}
	if l == nil {
		return nil
	}
	return e.placeInCluster(ctx, broker, l.hearAll(ctx, began.Add(span)))
}

// placeInCluster finds out which lines that were heard are stored.
func (e *examination) placeInCluster(ctx context.Context, broker *Broker, heard []rueidis.PubSubMessage) error {
	for _, m := range heard {
		sharded := func(other rueidis.PubSubMessage) bool { return other.Channel == m.Channel && other.Pattern == "" }
		line := HeardLine{Channel: m.Channel, Database: -1, Unsharded: !slices.ContainsFunc(heard, sharded)}
		found, err := stores(ctx, broker.do, cluster, m)
		if err := answer(err); err != nil {
			return err
		}
		if found {
			line.Database = 0
		}
		e.report.Heard = append(e.report.Heard, line)
	}
	return nil
}

func (e *examination) lookAtMaster(ctx context.Context, client rueidis.Client, ends time.Time) error {
	r := e.report
	if text, err := client.Do(ctx, client.B().Info().Build()).ToString(); err == nil {
		if info := parseServerInfo(text); r.Server.Version == "" || info.evicts() && !r.Server.evicts() || info.before(7, 0) {
			r.Server = info
		}
	}
	missing, refusals, err := missingRights(ctx, client, rightsIn(cluster), loglane.NewProducer())
	if err != nil {
		return err
	}
	r.Missing, r.Refusals = union(r.Missing, missing), union(r.Refusals, refusals)
	clock, err := client.Do(ctx, client.B().Time().Build()).AsStrSlice()
	if err := answer(err); err != nil {
		return err
	}
	if len(clock) == 2 {
		r.now = time.Unix(int64(parseNumber(clock[0])), int64(parseNumber(clock[1]))*1000)
	}
	census, err := takeCensus(ctx, client, cluster, 0, ends)
	if err := answer(err); err != nil {
		return err
	}
	r.Census.Channels = append(r.Census.Channels, census.Channels...)
	r.Census.More = r.Census.More || census.More
	if census.Newest.Channel != "" && newer(census.Newest, r.Census.Newest) {
		r.Census.Newest = census.Newest
	}
	return nil
}

// union is a list with what another has besides.
func union(list, other []string) []string {
	for _, text := range other {
		if !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}
