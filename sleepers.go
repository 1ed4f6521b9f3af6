package loglane

// wake wakes the viewers who sleep until there is something for them.
func (f *feed) wake() {
	for _, s := range f.sleepers {
		s.asleep = false
		s.notify()
	}
	clear(f.sleepers)
	f.sleepers = f.sleepers[:0]
}

// rouse lets a viewer be woken by what comes next.
func (f *feed) rouse(s *subscription) {
	if !s.asleep {
		s.asleep, s.bed = true, len(f.sleepers)
		f.sleepers = append(f.sleepers, s)
	}
}

// unrouse takes that back.
func (f *feed) unrouse(s *subscription) {
	if !s.asleep {
		return
	}
	last := f.sleepers[len(f.sleepers)-1]
	f.sleepers[s.bed], last.bed = last, s.bed
	f.sleepers[len(f.sleepers)-1] = nil
	f.sleepers = f.sleepers[:len(f.sleepers)-1]
	s.asleep = false
}
