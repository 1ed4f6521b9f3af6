package redisbroker_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// Whatever a user is called, stream, meta and live channel are in one slot of a real
// cluster, and no two share any of them.
func TestNamesInACluster(t *testing.T) {
	site := redistest.StartCluster(t)
	b := openURL(t, site.URL(), redisbroker.Options{})
	users := []string{
		"a{b}c", "}a", "}{", "{}", "{}a", "{", "}", "a{", "{a}", "{a", "a}", "{{a}}", "{a}{b}", "%", "%7B", "%7Ba%7D", "100%", "%%", " a b ", "ä{ö}ü", "a:{b}:c",
		"a\tb", "stream:{logs:User.a}",
	}
	contexts := []string{"global", "job_1"}
	for _, user := range users {
		context, err := loglane.DefaultTemplate.Context(user)
		if err != nil {
			t.Fatalf("%q: %v", user, err)
		}
		contexts = append(contexts, context)
	}
	for _, raw := range []string{"User.a{b}c", "User.}a", "{}", "User.{"} { // as ?channel= has them: keys would be cut short
		if channel, err := loglane.ChannelName(raw); err == nil {
			t.Errorf("%s is taken as %s", raw, channel)
		}
	}
	whose := make(map[string]string) // key or live channel
	for _, context := range contexts {
		channel, err := loglane.ChannelName(context)
		if err != nil {
			t.Fatalf("%s: %v", context, err)
		}
		s := clustered{Broker: b, t: t, site: site}
		slot := site.Slot(channel)
		for _, key := range []string{channel, s.stream(channel), s.meta(channel)} {
			if got := site.Slot(key); got != slot || redisbroker.SlotOf(key) != got {
				t.Errorf("%s is in slot %d, and %s in %d, which we take for %d", channel, slot, key, got, redisbroker.SlotOf(key))
			}
			if other, taken := whose[key]; taken {
				t.Errorf("%s is %s's and %s's", key, other, context)
			}
			whose[key] = context
		}
		events := make(chan loglane.Event, 100)
		stop := b.Follow(channel, func(event loglane.Event) { events <- event })
		awaitEvent(t, events, loglane.Confirmed, 5*time.Second)
		line := loglane.Line{K: 1, Record: fmt.Appendf(nil, `{"message":%s}`, strconv.Quote("of "+context))}
		if _, err := b.Append(t.Context(), channel, loglane.Batch{Producer: "p", Lines: []loglane.Line{line}}); err != nil {
			t.Errorf("%s: Append: %v", context, err)
		}
		awaitEvent(t, events, loglane.Lines, 5*time.Second)
		stop()
		s.Store(channel, []byte("theirs"))
	}
	for _, context := range contexts {
		page, err := b.Read(t.Context(), loglane.ChannelPrefix+context, loglane.Oldest(), 100)
		if err != nil || len(page.Entries) != 2 || string(page.Entries[0].Data) != fmt.Sprintf(`{"message":%s}`, strconv.Quote("of "+context)) {
			t.Errorf("%s has %v, %v", context, page.Entries, err)
		}
	}
	list, more, err := b.List(t.Context(), loglane.ChannelPrefix, 1000)
	if err != nil || more || len(list) != len(contexts) {
		t.Errorf("%d of %d channels are listed, %v %v", len(list), len(contexts), more, err)
	}
}
