#!/usr/bin/env bash
# Go tests: all with the race detector, then those with a promised load at full size.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "go: race detector"
go test -race -shuffle=on ./...
echo "go: joins, restarts and costly patterns at full load"
go test -count=1 -run '^Test(Join|TailWhile|SendWhile|Costly)' ./internal/e2e
