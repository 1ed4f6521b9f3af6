package redisbroker_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/loglane/loglane/redisbroker"
)

func TestServerInfo(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       redisbroker.ServerInfo
	}{
		{"Redis", "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n\r\n# Replication\r\nrole:master\r\n" +
			"maxmemory:104857600\r\nmaxmemory_policy:allkeys-lru\r\naof_enabled:1\r\n# Keyspace\r\ndb11:keys=1,expires=0\r\ndb2:keys=4,expires=4\r\n",
			redisbroker.ServerInfo{Name: "Redis", Version: "7.0.15", Mode: "standalone", MaxMemory: 100 << 20, Policy: "allkeys-lru", AppendOnly: true, Databases: []int{2, 11}}},
		{"Valkey", "redis_version:7.2.4\nserver_name:valkey\nvalkey_version:8.1.0\nserver_mode:cluster\nrole:slave\n",
			redisbroker.ServerInfo{Name: "Valkey", Version: "8.1.0", Mode: "cluster", Replica: true}},
		{"Valkey, told first", "valkey_version:8.1.0\nredis_version:7.2.4\n", redisbroker.ServerInfo{Name: "Valkey", Version: "8.1.0"}},
		{"nothing", "", redisbroker.ServerInfo{Name: "Redis"}},
		{"not a number", "maxmemory:many\ndbx:keys=1\ndb1:x\n", redisbroker.ServerInfo{Name: "Redis"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := redisbroker.ParseServerInfo(c.text); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func FuzzServerInfo(f *testing.F) {
	f.Add("redis_version:7.0.15\r\ndb0:keys=1,expires=0\r\nmaxmemory:1\r\n")
	f.Add("db99999999999:keys=\nrole:")
	f.Fuzz(func(t *testing.T, text string) {
		info := redisbroker.ParseServerInfo(text)
		if !slices.IsSorted(info.Databases) {
			t.Errorf("%v", info.Databases)
		}
		for _, database := range info.Databases {
			if database < 0 || database > 1<<16 {
				t.Errorf("database %d", database)
			}
		}
		report := redisbroker.Report{Server: info}
		if report.String() == "" {
			t.Error("it says nothing")
		}
		report.Problems()
	})
}
