package chaos_test

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
	"github.com/loglane/loglane/redisbroker"
)

// TestLostAcknowledgements cuts the publishers' connection to Redis instead of passing an
// answer on, once in ten.
func TestLostAcknowledgements(t *testing.T) {
	length, rate, viewers := sized(10*time.Second, time.Minute), sized(500, 1000), sized(20, 100)
	s := play(t, keepMuch, nil)
	proxy := chaos.NewProxy(t, fmt.Sprintf("127.0.0.1:%d", s.redis.Port), chaos.Faults{CutAnswer: func() bool { return chaos.OneIn(10) }})
	s.broker = openBroker(t, "redis://"+proxy.Addr+"/0", keepMuch)
	s.watch(viewers)
	s.log(4, rate)
	pause(length)
	v := s.finish()
	tally := s.crowd.Tally()
	if v.Gaps > 0 || tally.Dropped > 0 || proxy.Cut() < 10 {
		t.Errorf("%d gaps, %d lines again, %d answers lost", v.Gaps, tally.Dropped, proxy.Cut())
	}
	s.report("acknowledgement lost on 10 % of answers", fmt.Sprintf("%v, %d lines/s, %d viewers", length, rate, viewers), v,
		fmt.Sprintf("%d answers lost, %d lines repeated", proxy.Cut(), tally.Dropped))
}

// TestRollback takes the newest part of a history and of its numbering away, as a stale
// replica's promotion does, again and again while producers go on.
func TestRollback(t *testing.T) {
	times, rate, viewers := sized(3, 20), sized(500, 1000), sized(20, 100)
	s := play(t, keepMuch, nil)
	s.watch(viewers)
	s.log(4, rate)
	for range times {
		pause(time.Second)
		s.rollBack()
	}
	pause(3 * time.Second)
	v := s.finish()
	tally := s.crowd.Tally()
	if v.Covered > 0 || v.Gaps == 0 || tally.Gaps[chaos.Rewritten] != v.Gaps {
		t.Errorf("%d lines missing at %d gaps %v", v.Covered, v.Gaps, tally.Gaps)
	}
	s.report("acknowledged writes lost by a rollback", fmt.Sprintf("%d rollbacks by 0.5–2 s, %d lines/s, %d viewers", times, rate, viewers), v,
		fmt.Sprintf("%d lines that came again dropped by src", tally.Dropped))
}

// rollBack takes away what is written within 0.5 to 2 s. The history and its meta are kept by
// one script: no replica has one of them as it was before the other.
func (s *scene) rollBack() {
	s.Helper()
	const duplicate = `redis.call('COPY', KEYS[1], KEYS[3], 'REPLACE') redis.call('COPY', KEYS[2], KEYS[4], 'REPLACE') return 1`
	history, kept := []string{"stream:" + alice, "loglane:meta:{" + alice + "}"}, []string{"kept:stream", "kept:meta"}
	s.redis.MustDo(append(append([]string{"EVAL", duplicate, "4"}, history...), kept...)...)
	pause(between(500*time.Millisecond, 2*time.Second))
	s.redis.MustDo(append(append([]string{"EVAL", duplicate, "4"}, kept...), history...)...)
}

// TestProducersComeAndGo lets many producers write a few lines each; each loses an
// acknowledgement and its writes to a rollback that never was, and goes on.
func TestProducersComeAndGo(t *testing.T) {
	fault(t)
	s := playLone(t)
	producers := sized(1000, 10_000)
	var working sync.WaitGroup
	turns := make(chan struct{}, 8)
	var mu sync.Mutex
	var twice, holes, stuck int
	for range producers {
		turns <- struct{}{}
		working.Go(func() {
			defer func() { <-turns }()
			fault := s.comeAndGo(s.broker)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(fault, errTwice):
				twice++
			case errors.Is(fault, errHole):
				holes++
			case fault != nil:
				t.Log(fault)
				stuck++
			}
		})
	}
	working.Wait()
	fields, err := strconv.Atoi(s.redis.MustDo("HLEN", "loglane:meta:{"+alice+"}"))
	if err != nil {
		t.Fatal(err)
	}
	lasting := fields
	// They are forgotten after 15 minutes of silence: their marks are made so old.
	s.redis.MustDo("EVAL", `local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do if string.sub(all[i], 1, 2) == 'p:' then redis.call('HSET', KEYS[1], all[i], string.match(all[i + 1], '^%d+') .. ' ' .. (redis.call('TIME')[1] - 1000)) end end return 1`,
		"1", "loglane:meta:{"+alice+"}")
	for range producers { // each of these looks after a sample of the others
		if err := s.comeAndGo(s.broker); err != nil {
			t.Error(err)
		}
	}
	fields, err = strconv.Atoi(s.redis.MustDo("HLEN", "loglane:meta:{"+alice+"}"))
	if err != nil || fields > producers+producers/8+64 {
		t.Errorf("meta has %d fields for %d producers that live, %v", fields, producers, err)
	}
	if twice+holes+stuck > 0 {
		t.Errorf("%d twice, %d holes, %d stuck", twice, holes, stuck)
	}
	table.Add("producers come and go, each with a batch sent again and one after a rollback", fmt.Sprintf("%d producers", producers),
		fmt.Sprintf("%d twice, %d holes, %d stuck; meta has %d fields, %d after they were forgotten and as many more had come", twice, holes, stuck, lasting, fields), !t.Failed())
}

var (
	errTwice = errors.New("a line was stored twice")
	errHole  = errors.New("a batch after a rollback was taken")
)

// comeAndGo is the life of one producer.
func (s *lone) comeAndGo(broker *redisbroker.Broker) error {
	producer := loglane.NewProducer()
	send := func(after uint64, numbers ...uint64) (loglane.Receipt, error) {
		b := loglane.Batch{Producer: producer, After: after}
		for _, k := range numbers {
			b.Lines = append(b.Lines, loglane.Line{K: k, Record: []byte(`{"message":"x"}`)})
		}
		return broker.Append(s.Context(), alice, b)
	}
	if _, err := send(0, 2, 4); err != nil {
		return err
	}
	if r, err := send(0, 2, 4); err != nil || r.Stored != 0 || r.Duplicates != 2 { // its acknowledgement was lost
		return errors.Join(errTwice, err)
	}
	refusal := &loglane.RefusedError{}
	if _, err := send(8, 10); !errors.As(err, &refusal) || refusal.After != 4 { // 6 and 8 were lost
		return errors.Join(errHole, err)
	}
	r, err := send(4, 6, 8, 10)
	if err == nil && (r.Stored != 3 || r.K != 10) {
		err = errHole
	}
	return err
}
