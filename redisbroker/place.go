package redisbroker

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

const (
	// hopsMost is how often a command follows a slot that moves.
	hopsMost = 8
	// settleTime is how long a command waits for a slot that is on its way, or without a
	// master.
	settleTime = 2 * time.Second
	// settleStep is about the first wait; each is twice the one before it, up to settleMost.
	settleStep = 10 * time.Millisecond
	settleMost = 320 * time.Millisecond
)

// at does something with the server that has a key. In a cluster do is called again where
// another has it by now, so that it must do nothing else than ask that server; it returns
// the error of the answer as it came. For keys that are neither all here nor all there while
// their slot moves it waits as long as ctx lasts.
func (b *Broker) at(ctx context.Context, key string, do func(rueidis.Client) error) error {
	if b.nodes == nil {
		return do(b.client)
	}
	slot, deadline := slotOf(key), now().Add(settleTime)
	var next *server // where a node sent us
	asking, step := false, settleStep
	for hops := 0; ; hops++ {
		at := next
		if at == nil {
			at = b.nodes.owner(slot)
		}
		err := b.ask(at, asking, do)
		reply, answered := rueidis.IsRedisErr(err)
		if answered && reply.IsTryAgain() {
			deadline = patience(ctx, deadline)
		}
		if err == nil || ctx.Err() != nil || hops >= hopsMost && now().After(deadline) {
			return err
		}
		next, asking = nil, false
		if !answered {
			b.nodes.hurry()
			if !errors.Is(err, errNobody) && !errors.Is(err, rueidis.ErrClosing) || now().After(deadline) {
				return err
			}
		} else if addr, ok := reply.IsMoved(); ok {
			next = b.nodes.moved(slot, besides(addr, at.addr))
			if hops < hopsMost {
				continue
			}
		} else if addr, ok := reply.IsAsk(); ok {
			next, asking = b.nodes.at(besides(addr, at.addr)), true
			if hops < hopsMost {
				continue
			}
		} else if !reply.IsTryAgain() && !reply.IsClusterDown() || now().After(deadline) {
			return err
		}
		select { // for it to settle
		case <-time.After(step/2 + rand.N(step)):
			step = min(2*step, settleMost)
		case <-ctx.Done():
			return err
		}
	}
}

// mayRecover says whether what failed is to be tried again, after a wait: in a cluster that has
// lost a master another takes its slots within seconds, and who came back only after a pause
// of their own would wait for as long again. It is for what may be done twice, and for calls
// of which is known how long they may last.
func (b *Broker) mayRecover(ctx context.Context, err error, step *time.Duration) bool {
	if b.nodes == nil || err == nil || ctx.Err() != nil || errors.Is(err, rueidis.ErrClosing) {
		return false
	}
	if _, bounded := ctx.Deadline(); !bounded {
		return false
	}
	if reply, answered := rueidis.IsRedisErr(err); answered && !reply.IsClusterDown() {
		return false
	}
	b.nodes.hurry()
	select {
	case <-time.After(*step/2 + rand.N(*step)):
		*step = min(2**step, settleMost)
		return true
	case <-ctx.Done():
		return false
	}
}

// patience is until when a call may last: as long as who calls waits, where that is known.
func patience(ctx context.Context, otherwise time.Time) time.Time {
	if deadline, bounded := ctx.Deadline(); bounded {
		return deadline
	}
	return otherwise
}

// errNobody is that a slot has no master, or that nothing is known of the cluster yet.
var errNobody = errors.New("no node of the cluster has the slot")

func (b *Broker) ask(at *server, asking bool, do func(rueidis.Client) error) error {
	if at == nil {
		if err := b.nodes.fault(); err != nil {
			return err
		}
		return errNobody
	}
	client, err := at.connect()
	if err != nil {
		return err
	}
	if asking {
		client = askingClient{client}
	}
	return do(client)
}

// An askingClient asks the node that a slot is on its way to.
type askingClient struct{ rueidis.Client }

func (c askingClient) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	return c.Client.DoMulti(ctx, c.B().Asking().Build(), cmd)[1]
}

// DoMulti is for one command, or one transaction.
func (c askingClient) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	return c.Client.DoMulti(ctx, append([]rueidis.Completed{c.B().Asking().Build()}, multi...)...)[1:]
}

func isAsking(client rueidis.Client) bool {
	_, asking := client.(askingClient)
	return asking
}

// do runs one command at the server that has its key.
func (b *Broker) do(ctx context.Context, key string, build func(rueidis.Builder) rueidis.Completed) (result rueidis.RedisResult) {
	err := b.at(ctx, key, func(client rueidis.Client) error {
		result = client.Do(ctx, build(client.B()))
		return result.Error()
	})
	if err != nil && result.Error() == nil { // nobody was asked
		return rueidis.NewErrorResult(err)
	}
	return result
}

// doEach runs one command for each key, all of a server's at once.
func (b *Broker) doEach(ctx context.Context, keys []string, build func(rueidis.Builder, string) rueidis.Completed) []rueidis.RedisResult {
	groups := make(map[*server][]int)
	for i, key := range keys {
		var at *server
		if b.nodes != nil {
			at = b.nodes.owner(slotOf(key))
		}
		groups[at] = append(groups[at], i)
	}
	results := make([]rueidis.RedisResult, len(keys))
	for at, group := range groups {
		client := b.client
		var err error
		if b.nodes != nil {
			if client = nil; at != nil {
				client, err = at.connect()
			}
		}
		if client == nil || err != nil {
			for _, i := range group {
				results[i] = b.do(ctx, keys[i], func(builder rueidis.Builder) rueidis.Completed { return build(builder, keys[i]) })
			}
			continue
		}
		commands := make(rueidis.Commands, len(group))
		for n, i := range group {
			commands[n] = build(client.B(), keys[i])
		}
		for n, result := range client.DoMulti(ctx, commands...) {
			i := group[n]
			if results[i] = result; b.nodes != nil && redirected(result.Error()) {
				results[i] = b.do(ctx, keys[i], func(builder rueidis.Builder) rueidis.Completed { return build(builder, keys[i]) })
			}
		}
	}
	return results
}

// redirected says whether a command has to be sent elsewhere, or again.
func redirected(err error) bool {
	reply, answered := rueidis.IsRedisErr(err)
	if !answered {
		return false
	}
	_, moved := reply.IsMoved()
	_, ask := reply.IsAsk()
	return moved || ask || reply.IsTryAgain()
}

// run runs a script on a channel's keys, stream and meta. A node that the slot is on its way
// to gets the stream as the only key, and meta as the last argument: that we were sent there
// says that where the slot was none of them is any more.
func (b *Broker) run(ctx context.Context, script *rueidis.Lua, keys, args []string) (result rueidis.RedisResult) {
	err := b.at(ctx, keys[0], func(client rueidis.Client) error {
		if isAsking(client) {
			result = script.Exec(ctx, client, keys[:1], slices.Concat(args, keys[1:]))
		} else {
			result = script.Exec(ctx, client, keys, args)
		}
		return result.Error()
	})
	if err != nil && result.Error() == nil {
		return rueidis.NewErrorResult(err)
	}
	return result
}

// runEach runs a script that answers two parts for each of its keys, and returns them all.
// In a cluster the keys are of many slots, which no script may touch at once, and where the user has
// no right to one of them the script is refused for all: then each is asked for by itself, and an
// answer may be missing.
func (b *Broker) runEach(ctx context.Context, script *rueidis.Lua, text string, keys []string) ([][]rueidis.RedisMessage, error) {
	answers := make([][]rueidis.RedisMessage, len(keys))
	if b.nodes == nil {
		reply, err := script.Exec(ctx, b.client, keys, nil).ToArray()
		_, refused := rueidis.IsRedisErr(err)
		switch {
		case refused && len(keys) > 1:
		case err != nil:
			return nil, err
		case len(reply) != 2*len(keys):
			return nil, errors.New("a script's answer of another length")
		default:
			for i := range keys {
				answers[i] = reply[2*i : 2*i+2]
			}
			return answers, nil
		}
	}
	var first error
	results := b.doEach(ctx, keys, func(builder rueidis.Builder, key string) rueidis.Completed {
		return builder.Eval().Script(text).Numkeys(1).Key(key).Build()
	})
	for i, result := range results {
		reply, err := result.ToArray()
		switch {
		case err == nil && len(reply) == 2:
			answers[i] = reply
		case first == nil:
			first = errors.Join(err, errors.New("a script's answer is missing"))
		}
	}
	return answers, first
}

// masters are the clients of all servers that have keys, one at least.
func (b *Broker) masters() (all []rueidis.Client, err error) {
	if b.nodes == nil {
		return []rueidis.Client{b.client}, nil
	}
	for _, s := range b.nodes.owns() {
		client, err := s.connect()
		if err != nil {
			return nil, err
		}
		all = append(all, client)
	}
	if len(all) == 0 {
		if err = b.nodes.fault(); err == nil {
			err = errNobody
		}
	}
	return all, err
}

// escapeGlob makes a text match itself in a pattern of SCAN.
func escapeGlob(text string) string { return globEscaper.Replace(text) }

var globEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)
