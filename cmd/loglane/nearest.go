package main

import "strings"

// nearest is the one of all that was most likely meant: at most two letters away, or
// begun by what was written; "" is none.
func nearest(written string, all []string) string {
	const most = 2
	best, found := most+1, ""
	for _, name := range all {
		if d := distance(written, name); d < best {
			best, found = d, name
		}
	}
	if found != "" {
		return found
	}
	for _, name := range all {
		if len(written) > 3 && strings.HasPrefix(name, written) {
			return name
		}
	}
	return ""
}

// distance counts the letters to insert, take out, replace, or swap with their neighbour
// that lead from a to b.
func distance(a, b string) int {
	if len(a)-len(b) > 3 || len(b)-len(a) > 3 {
		return max(len(a), len(b))
	}
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
