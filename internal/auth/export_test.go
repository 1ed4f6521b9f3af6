package auth

// Kept returns how many sessions are in memory, expired ones included.
func Kept(m *MemorySessions) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.sessions)
}

// Buckets returns how many names and addresses are counted.
func Buckets(l *Login) (accounts, addresses int) {
	return len(l.accounts.buckets), len(l.addresses.buckets)
}

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
