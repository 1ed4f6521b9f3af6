package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/redis/rueidis"
)

// A slotMap is who has which slots, as one node sees it.
type slotMap struct {
	well     bool // the cluster serves all slots
	epoch    uint64
	spans    []span
	replicas []string
}

// A span is slots that one master has.
type span struct {
	first, last int
	master      string
}

func (m slotMap) better(other slotMap) bool {
	if m.well != other.well {
		return m.well
	}
	return m.epoch > other.epoch
}

func (m slotMap) has(addr string) bool {
	return slices.Contains(m.replicas, addr) || slices.ContainsFunc(m.spans, func(s span) bool { return s.master == addr })
}

// askMap asks one node.
func askMap(ctx context.Context, s *server) (m slotMap, err error) {
	client, err := s.connect()
	if err != nil {
		return m, err
	}
	results := client.DoMulti(ctx, client.B().ClusterInfo().Build(), client.B().ClusterSlots().Build())
	info, err := results[0].ToString()
	if err != nil {
		return m, nodeFault(s.addr, err)
	}
	for line := range strings.Lines(info) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); name {
		case "cluster_state":
			m.well = value == "ok"
		case "cluster_current_epoch":
			m.epoch = parseNumber(value)
		}
	}
	reply, err := results[1].ToArray()
	if err != nil {
		return m, nodeFault(s.addr, err)
	}
	for _, r := range reply {
		if err := m.add(r, s.addr); err != nil {
			return m, nodeFault(s.addr, err)
		}
	}
	return m, nil
}

// add takes one part of an answer to CLUSTER SLOTS: first, last, master, replicas.
func (m *slotMap) add(r rueidis.RedisMessage, asked string) error {
	parts, err := r.ToArray()
	if err != nil || len(parts) < 3 {
		return fmt.Errorf("CLUSTER SLOTS with a part of %d: %w", len(parts), err)
	}
	first, errFirst := parts[0].AsInt64()
	last, errLast := parts[1].AsInt64()
	if err := errors.Join(errFirst, errLast); err != nil || first < 0 || last < first || last >= slots {
		return fmt.Errorf("CLUSTER SLOTS from %d to %d: %w", first, last, err)
	}
	for i, part := range parts[2:] {
		addr, err := nodeAddr(part, asked)
		switch {
		case err != nil:
			return err
		case i == 0:
			m.spans = append(m.spans, span{int(first), int(last), addr})
		case addr != "" && !slices.Contains(m.replicas, addr):
			m.replicas = append(m.replicas, addr)
		}
	}
	return nil
}

// nodeAddr is where a node is. One that does not know its own host has that of the node
// that was asked.
func nodeAddr(r rueidis.RedisMessage, asked string) (string, error) {
	parts, err := r.ToArray()
	if err != nil || len(parts) < 2 {
		return "", fmt.Errorf("CLUSTER SLOTS with a node of %d parts: %w", len(parts), err)
	}
	host, _ := parts[0].ToString() // nil where it is not known
	port, err := parts[1].AsInt64()
	if err != nil || port < 1 || port > 65535 {
		return "", fmt.Errorf("CLUSTER SLOTS with the port %d: %w", port, err)
	}
	return besides(net.JoinHostPort(host, fmt.Sprint(port)), asked), nil
}

// besides completes an address without a host by the host of the node that told it.
func besides(addr, asked string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host != "" && host != "?" {
		return addr
	}
	host, _, _ = net.SplitHostPort(asked) // it was dialled
	return net.JoinHostPort(host, port)
}

func nodeFault(addr string, err error) error {
	message := strings.TrimPrefix(err.Error(), "ERR ")
	switch {
	case strings.HasPrefix(message, "This instance has cluster support disabled"), strings.HasPrefix(message, "unknown command"):
		return &RejectedError{Message: addr + " is no node of a cluster", Mend: "leave cluster=true out of --redis-url, or name nodes"}
	case rejects(message):
		return &RejectedError{Message: message}
	}
	return fmt.Errorf("%s: %w", addr, err)
}
