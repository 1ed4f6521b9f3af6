// Package chaos proves the promise of exact streams under faults: publishers note what was
// acknowledged to them, viewers note what they were shown, and a checker that knows neither
// Redis nor the gateway compares the two. Only tests use it; `make chaos` runs them.
package chaos
