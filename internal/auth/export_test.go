package auth

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Kept returns how many sessions are in memory, expired ones included.
func Kept(m *MemorySessions) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.sessions)
}

// Buckets returns how many names of an address, addresses and names are counted.
func Buckets(l *Login) (accounts, addresses, totals int) {
	return len(l.accounts.buckets), len(l.addresses.buckets), len(l.totals.buckets)
}

// Pending returns how many sign-outs wait for the session store, and Remembered how many
// ended sessions are refused, expired ones included.
func Pending(l *Login) int { return l.endings.waiting() }

// Remembered: see Pending.
func Remembered(l *Login) int {
	l.endings.recently.mu.Lock()
	defer l.endings.recently.mu.Unlock()
	return len(l.endings.recently.keys)
}

// HashWorkers returns how many passwords are hashed at once.
func HashWorkers(u *Users) int { return cap(u.workers.slots) }

// NoticeQueue is how many notices wait at most.
const NoticeQueue = noticeQueue

// OccupyHashing takes all places for hashing and all of the queue's but free.
func OccupyHashing(u *Users, free int) (release func()) {
	for range cap(u.workers.slots) {
		u.workers.slots <- struct{}{}
	}
	taken := u.workers.queue - int64(free)
	u.workers.waiting.Add(taken)
	return func() {
		u.workers.waiting.Add(-taken)
		for range cap(u.workers.slots) {
			<-u.workers.slots
		}
	}
}

// DummyHash returns the hash that unknown names are compared with.
func DummyHash(u *Users) string { return u.roster.Load().dummy }

// ForgetAnswers forgets what the other application has said, and lets each check ask it.
func ForgetAnswers(f *Forward) {
	f.answers.mu.Lock()
	defer f.answers.mu.Unlock()
	clear(f.answers.kept)
	f.residents.mu.Lock()
	defer f.residents.mu.Unlock()
	f.residents.closed = true
}

// Residents returns how many logins of the other application are looked after.
func Residents(f *Forward) int {
	f.residents.mu.Lock()
	defer f.residents.mu.Unlock()
	return len(f.residents.all)
}

// ParseAnswer reads another application's 200.
func ParseAnswer(header http.Header, body []byte) (name string, roles, channels []string, err error) {
	a, err := parseAnswer(header, body)
	if err != nil {
		return "", nil, nil, err
	}
	return a.Name, a.Roles, a.Channels, nil
}

// AskWith puts ask in the place of the other application; "" is nobody.
func AskWith(f *Forward, ask func(cookie string) (name string)) {
	f.answers.ask = func(_ context.Context, given credentials) (*answer, error) {
		name := ask(given.cookie)
		if name == Away {
			return nil, errForwardAway()
		}
		if name != "" {
			return &answer{Name: name}, nil
		}
		return nil, nil
	}
}

// Away is the name with which AskWith's ask says that the application cannot be asked.
const Away = "\x00away"

// KeptAnswers returns how many answers are kept, those that are over included.
func KeptAnswers(f *Forward) int {
	f.answers.mu.Lock()
	defer f.answers.mu.Unlock()
	return len(f.answers.kept)
}

// ClaimGroups reads JSON claims, and returns the groups at a path and the name of a claim.
func ClaimGroups(text []byte, path, claim string) (groups []string, name string, err error) {
	var c claims
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, "", err
	}
	name, err = c.name(claim)
	return c.groups(path), name, err
}

// Listeners returns how many listen to notices.
func Listeners(n *MemoryNotices) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.listeners)
}

// AgeKeys lets the keys of a URL, and the last question for them, be older by d.
func AgeKeys(j *JWT, d time.Duration) {
	keys := j.keys.(*jwks)
	keys.mu.Lock()
	defer keys.mu.Unlock()
	keys.begun, keys.answered = keys.begun.Add(-d), keys.answered.Add(-d)
}

// ReadJWKS returns the algorithms of the keys of a set.
func ReadJWKS(data []byte, algorithms []string) (each [][]string, err error) {
	keys, err := readJWKS(data, algorithms)
	for _, key := range keys {
		each = append(each, key.algorithms)
	}
	return each, err
}

// HasherPids are the processes without work.
func HasherPids(h *Hashers) (pids []int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, worker := range h.free {
		pids = append(pids, worker.process.Pid)
	}
	return pids
}

// SetHasherTimes sets how long a process without work is kept, and how long an answer may take.
func SetHasherTimes(h *Hashers, idle, patience time.Duration) { h.idle, h.patience = idle, patience }

// AnswerHashes is ServeHashes without what it does to the process.
var AnswerHashes = answerHashes
