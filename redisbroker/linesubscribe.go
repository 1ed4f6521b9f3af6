package redisbroker

import (
	"context"
	"errors"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/loglane/loglane"
)

// subscribe subscribes channels. In a cluster one command takes those of one slot only; a
// slot that has moved takes its channels along.
func (l *line) subscribe(ctx context.Context, wire rueidis.DedicatedClient, names []string) error {
	if l.at == nil {
		return l.send(ctx, wire, wire.B().Subscribe().Channel(names...).Build())
	}
	return l.eachSlot(ctx, wire, names, func(names []string) rueidis.Completed {
		return wire.B().Ssubscribe().Channel(names...).Build()
	}, func(slot int, addr string, names []string) {
		l.owner.mu.Lock()
		for _, name := range names {
			delete(l.sent, name)
			l.later[name] = struct{}{} // it may be nobody's yet
		}
		l.owner.mu.Unlock()
		l.owner.broker.nodes.moved(slot, addr)
	})
}

func (l *line) unsubscribe(ctx context.Context, wire rueidis.DedicatedClient, names []string) error {
	if l.at == nil {
		return l.send(ctx, wire, wire.B().Unsubscribe().Channel(names...).Build())
	}
	return l.eachSlot(ctx, wire, names, func(names []string) rueidis.Completed {
		return wire.B().Sunsubscribe().Channel(names...).Build()
	}, func(int, string, []string) {}) // Redis has done it when the slot moved
}

// eachSlot sends a command for the channels of each slot; moved gets those that another
// node has.
func (l *line) eachSlot(ctx context.Context, wire rueidis.DedicatedClient, names []string,
	command func([]string) rueidis.Completed, moved func(slot int, addr string, names []string),
) error {
	ctx, cancel := context.WithTimeout(ctx, subscribeTimeout)
	defer cancel()
	groups := make(map[int][]string)
	for _, name := range names {
		slot := slotOf(name)
		groups[slot] = append(groups[slot], name)
	}
	var order []int
	var commands rueidis.Commands
	for slot, group := range groups {
		order = append(order, slot)
		commands = append(commands, command(group))
	}
	for i, result := range wire.DoMulti(ctx, commands...) {
		err := result.Error()
		if err == nil {
			continue
		}
		reply, answered := rueidis.IsRedisErr(err)
		if !answered {
			return err
		}
		addr, elsewhere := reply.IsMoved()
		if !elsewhere {
			return err
		}
		moved(order[i], besides(addr, l.at.addr), groups[order[i]])
	}
	return nil
}

func (l *line) send(ctx context.Context, wire rueidis.DedicatedClient, cmd rueidis.Completed) error {
	ctx, cancel := context.WithTimeout(ctx, subscribeTimeout)
	defer cancel()
	return wire.Do(ctx, cmd).Error()
}

// subscribeProbe subscribes a channel of our own. In a cluster it is one in a slot that the
// server has.
func (l *line) subscribeProbe(ctx context.Context, wire rueidis.DedicatedClient) error {
	for range hopsMost {
		probe := probePrefix + loglane.NewProducer()
		if l.at != nil {
			if probe = l.probeHere(probe); probe == "" {
				return errors.New("the node has no slots")
			}
		}
		l.owner.mu.Lock()
		l.probe = probe
		l.owner.mu.Unlock()
		moved := false
		if l.at == nil {
			return l.subscribe(ctx, wire, []string{probe})
		}
		err := l.eachSlot(ctx, wire, []string{probe}, func(names []string) rueidis.Completed {
			return wire.B().Ssubscribe().Channel(names...).Build()
		}, func(slot int, addr string, _ []string) {
			moved = true
			l.owner.broker.nodes.moved(slot, addr)
		})
		if err != nil || !moved {
			return err
		}
	}
	return errors.New("the node's slots move too often")
}

// probeMost is how many names are tried: of a server with one slot, too, one is found.
const probeMost = 20 * slots

func (l *line) probeHere(prefix string) string {
	for i := range probeMost {
		name := prefix + ":" + strconv.Itoa(i)
		if l.owner.broker.nodes.owner(slotOf(name)) == l.at {
			return name
		}
	}
	return ""
}
