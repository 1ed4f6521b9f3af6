package redisbroker

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/loglane/loglane"
)

//go:embed ours.lua
var oursScript string

//go:embed append.lua
var appendScript string

//go:embed check.lua
var checkScript string

//go:embed foreign.lua
var foreignScript string

// Options are the settings of a [Broker]. URL is required; zero members are the defaults.
type Options struct {
	URL        string            // such as redis://user:password@127.0.0.1:6379/1, rediss:// with TLS, or unix://
	Retention  loglane.Retention // of every channel but the global one
	Global     loglane.Retention // of the global channel
	ClientName string            // as CLIENT LIST shows it; default "loglane"
	Logger     *slog.Logger      // default: slog.Default()
}

// A Broker is a loglane.Broker on one Redis. Its methods may be called concurrently.
type Broker struct {
	retention, global loglane.Retention
	log               *slog.Logger
	layout            layout
	client            rueidis.Client // nil in a cluster
	sentinels         *sentinels     // nil where the URL names none
	nodes             *nodes         // nil but in a cluster
	demoted           *demoted       // nil but for one server that is reached over a network
	subscriber        *subscriber
	append, check     *rueidis.Lua
	noteForeign       *rueidis.Lua
	purge, list       *rueidis.Lua

	cancel  context.CancelFunc
	workers sync.WaitGroup
}

var _ loglane.Broker = (*Broker)(nil)

const (
	dialTimeout = 3 * time.Second
	// answerTimeout is how long Redis may take to answer before its connection counts as
	// dead.
	answerTimeout = 4 * time.Second
	keepAlive     = time.Second
	connBuffer    = 64 << 10
)

// New starts goroutines that connect and keep watch; [Broker.Close] ends them. It fails
// for settings that cannot work, not while Redis is away: ask [Broker.Ping].
func New(opts Options) (*Broker, error) {
	b := &Broker{
		retention: opts.Retention.WithDefaults(loglane.DefaultHistoryTTL),
		global:    opts.Global.WithDefaults(loglane.DefaultGlobalHistoryTTL),
		log:       opts.Logger,
		append:    rueidis.NewLuaScript(oursScript + appendScript),
		check:     rueidis.NewLuaScript(checkScript),

		noteForeign: rueidis.NewLuaScript(foreignScript),
		purge:       rueidis.NewLuaScript(oursScript + purgeScript),
		list:        rueidis.NewLuaScript(listScript),
	}
	if b.log == nil {
		b.log = slog.Default()
	}
	a, err := parseAddress(opts)
	if err := errors.Join(err, b.retention.Check(), b.global.Check()); err != nil {
		return nil, err
	}
	b.layout, b.subscriber = a.layout, newSubscriber(b)
	if err := b.connect(a); err != nil {
		return nil, fmt.Errorf("redis %s: %w", Redacted(opts.URL), err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	if b.nodes != nil {
		b.nodes.refresh(ctx) // as a client of one server connects before it returns
	}
	b.subscriber.begin(ctx)
	b.workers.Go(func() { b.watch(ctx) })
	if b.sentinels != nil {
		b.workers.Go(func() { b.sentinels.run(ctx, b.role) })
	}
	if b.nodes != nil {
		b.workers.Go(func() { b.nodes.run(ctx) })
	}
	if b.demoted != nil {
		b.workers.Go(func() { b.demoted.run(ctx, b.role) })
	}
	return b, nil
}

func (b *Broker) connect(a *address) (err error) {
	switch a.layout {
	case cluster:
		b.nodes = newNodes(a, b.subscriber.assign, b.log)
		return nil
	case sentinel:
		b.sentinels = newSentinels(a, b.subscriber.hurry, b.log)
		a.option.DialCtxFn = b.sentinels.dial
		a.option.InitAddress = []string{a.master}
	default:
		if a.option.DialCtxFn != nil {
			b.demoted = newDemoted(a.option.DialCtxFn)
			a.option.DialCtxFn = b.demoted.dial
		}
	}
	// With ForceSingleClient there is a client also where Redis could not be reached.
	if b.client, err = rueidis.NewClient(a.option); b.client == nil {
		return err
	}
	return nil
}

// parseAddress reads the URL; the option is one for a client of a single server.
func parseAddress(opts Options) (*address, error) {
	a, err := parseURL(opts.URL)
	if err != nil {
		return nil, fmt.Errorf("the Redis URL is malformed: %w; an example is redis://user:password@127.0.0.1:6379/1, "+
			"where the password has every sign but letters and digits as %%XX", err)
	}
	if a.trust != nil {
		if _, err := a.trust.config(); err != nil {
			return nil, fmt.Errorf("the Redis URL cannot be used: its %w", err)
		}
	}
	option := &a.option
	a.secured(option)
	option.ForceSingleClient = true
	option.DisableRetry = true // read-only commands would be tried for ever
	option.DisableCache = true
	option.PipelineMultiplex = 1
	option.RingScaleEachConn = 9
	option.ReadBufferEachConn = connBuffer
	option.WriteBufferEachConn = connBuffer
	option.ConnWriteTimeout = answerTimeout
	option.Dialer.KeepAlive = keepAlive
	if option.Dialer.Timeout == 0 {
		option.Dialer.Timeout = dialTimeout
	}
	option.ClientName = opts.ClientName
	if option.ClientName == "" {
		option.ClientName = "loglane"
	}
	return a, nil
}

// greet asks the server what it is: alone, a Sentinel or in a cluster (mode), master or
// replica (role). Every user may ask.
func greet(ctx context.Context, client rueidis.Client) (mode, role string) {
	about, err := client.Do(ctx, client.B().Hello().Build()).AsMap()
	if err != nil {
		return "", ""
	}
	text := func(name string) string {
		m := about[name]
		text, _ := m.ToString() // "" where the server does not tell
		return text
	}
	return text("mode"), text("role")
}

func (b *Broker) role(ctx context.Context) string {
	_, role := greet(ctx, b.client)
	return role
}

// Close ends what New started and waits for it. Commands under way fail.
func (b *Broker) Close(context.Context) error {
	b.subscriber.end()
	b.cancel()
	if b.client != nil {
		b.client.Close()
	}
	if b.nodes != nil {
		b.nodes.close()
	}
	b.workers.Wait()
	return nil
}

// Ping asks Redis for an answer. Its error is a [*RejectedError] where Redis is there and
// refuses us, which does not mend itself.
func (b *Broker) Ping(ctx context.Context) error {
	if b.nodes != nil {
		ctx, cancel := context.WithTimeout(ctx, answerTimeout)
		defer cancel()
		if err := b.nodes.arrived(ctx); err != nil {
			return refusal(err)
		}
	}
	masters, err := b.masters()
	if err != nil {
		return refusal(err)
	}
	for _, client := range masters {
		if err := client.Do(ctx, client.B().Ping().Build()).Error(); err != nil {
			return refusal(err)
		}
		if mode, _ := greet(ctx, client); b.nodes == nil {
			if err := checkMode(mode); err != nil {
				return err
			}
		}
	}
	return nil
}

// refusal is what an error of the connection means.
func refusal(err error) error {
	var rejected *RejectedError
	switch message := err.Error(); {
	case errors.As(err, &rejected):
		return rejected
	case rejects(message):
		return &RejectedError{Message: message}
	default:
		return unavailable(err)
	}
}

// checkMode fails for a server that is not what the URL says.
func checkMode(mode string) error {
	switch mode {
	case "cluster":
		return &RejectedError{Message: "it is a node of a cluster", Mend: "add ?cluster=true to --redis-url"}
	case "sentinel":
		return &RejectedError{Message: "it is a Sentinel", Mend: "add ?master_set=NAME to --redis-url, with the name in sentinel.conf"}
	default:
		return nil
	}
}

// Healthy says why live lines cannot come, or nil.
func (b *Broker) Healthy() error {
	if b.nodes != nil {
		if err := b.nodes.fault(); err != nil {
			return fmt.Errorf("redis: no live lines: %w", err)
		}
	}
	if b.demoted != nil {
		if err := b.demoted.fault(); err != nil {
			return fmt.Errorf("redis: %w", err)
		}
	}
	return b.subscriber.healthy()
}

// A RejectedError is Redis' refusal to serve us, such as a wrong password, which does not
// mend itself.
type RejectedError struct {
	Message string
	Mend    string // what would help; "" for a refused login
}

func (e *RejectedError) Error() string {
	if e.Mend != "" {
		return "Redis cannot serve: " + e.Message + " (" + e.Mend + ")"
	}
	return "Redis refused the login: " + e.Message + " (set user and password in --redis-url, such as redis://user:password@host:6379/1)"
}

func rejects(message string) bool {
	for _, code := range [...]string{"WRONGPASS", "NOAUTH", "NOPERM", "ERR invalid password", "ERR AUTH", "DB index", "ERR DB index", "ERR invalid DB"} {
		if strings.HasPrefix(message, code) {
			return true
		}
	}
	return false
}

func unavailable(err error) error { return fmt.Errorf("%w: %v", loglane.ErrUnavailable, err) }

func (b *Broker) retentionOf(channel string) loglane.Retention {
	if channel == loglane.GlobalChannel {
		return b.global
	}
	return b.retention
}

// Append implements [loglane.Broker].
func (b *Broker) Append(ctx context.Context, channel string, batch loglane.Batch) (loglane.Receipt, error) {
	if err := batch.Check(); err != nil {
		return loglane.Receipt{}, err
	}
	keep := b.retentionOf(channel)
	args := make([]string, 0, 11+2*len(batch.Lines))
	args = append(args, channel, b.layout.publish(), batch.Producer, strconv.FormatUint(batch.After, 10), loglane.NewEpoch(),
		strconv.FormatInt(keep.TTL.Milliseconds(), 10), strconv.Itoa(keep.Lines), strconv.Itoa(keep.Bytes),
		seconds(loglane.MetaTTL), seconds(loglane.ProducerTTL), strconv.Itoa(loglane.MaxProducers))
	for _, line := range batch.Lines {
		args = append(args, strconv.FormatUint(line.K, 10), string(line.Record))
	}
	result := b.run(ctx, b.append, []string{b.layout.streamKey(channel), metaKey(channel)}, args)
	for step := settleStep; b.mayRecover(ctx, result.Error(), &step); {
		result = b.run(ctx, b.append, []string{b.layout.streamKey(channel), metaKey(channel)}, args)
	}
	reply, err := result.ToArray()
	if err != nil {
		return loglane.Receipt{}, unavailable(err)
	}
	if len(reply) == 5 {
		if err := b.publishAgain(ctx, channel, reply[4]); err != nil { // what is stored is acknowledged
			b.log.Debug("redis: lines of a slot that moves could not be published", "channel", channel, "error", err)
		}
	}
	return receipt(channel, reply)
}

func receipt(channel string, reply []rueidis.RedisMessage) (loglane.Receipt, error) {
	numbers := make([]uint64, 4)
	for i := range min(len(reply), len(numbers)) {
		n, err := reply[i].AsUint64()
		if err != nil {
			return loglane.Receipt{}, fmt.Errorf("append: an answer that is no number: %w", err)
		}
		numbers[i] = n
	}
	switch {
	case len(reply) == 2 && numbers[0] == 0:
		return loglane.Receipt{}, &loglane.RefusedError{Channel: channel, After: numbers[1]}
	case len(reply) >= 4:
		return loglane.Receipt{K: numbers[1], Stored: int(numbers[2]), Duplicates: int(numbers[3])}, nil
	default:
		return loglane.Receipt{}, fmt.Errorf("append: an answer of %d parts", len(reply))
	}
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
