//go:build race

package loglane_test

// raceDetector makes crowds smaller.
const raceDetector = true
