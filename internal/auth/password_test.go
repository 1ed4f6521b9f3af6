package auth_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/auth"
)

func TestHashesCostWhatIsRecommended(t *testing.T) {
	file := newFile(t)
	file.Cost = auth.Cost{}
	must(t, file.SetPassword("alice", password))
	if text := read(t, file.Path); !strings.Contains(text, "user alice viewer $argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the file is\n%s", text)
	}
	for _, cost := range []auth.Cost{{Memory: 64 << 10, Iterations: 1}, {Memory: 8, Iterations: 3, Parallelism: 2}} {
		file.Cost = cost
		must(t, file.SetPassword("olga", password))
		if _, err := openUsers(t, file, nil).Verify(t.Context(), "olga", password); err != nil {
			t.Errorf("a hash of the cost %+v: %v", cost, err)
		}
	}
}

func TestFewPasswordsAreHashedAtOnce(t *testing.T) {
	file := newFile(t)
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for cores, want := range map[int]int{1: 1, 3: 1, 4: 2, 64: 4} {
		runtime.GOMAXPROCS(cores)
		if got := auth.HashWorkers(openUsers(t, file, nil)); got != want {
			t.Errorf("%d cores: %d at once, want %d", cores, got, want)
		}
	}
}
