//go:build race

package main_test

// raceDetector makes crowds smaller.
const raceDetector = true
