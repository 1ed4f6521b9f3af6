#!/usr/bin/env bash
# Formatting, vet and staticcheck.
set -euo pipefail
cd "$(dirname "$0")/.."

staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2

echo "check: gofmt"
unformatted=$(git ls-files '*.go' | xargs gofmt -l)
if [ -n "$unformatted" ]; then
  echo "run gofmt -w on:" "$unformatted" >&2
  exit 1
fi
echo "check: go mod tidy"
go mod tidy -diff
echo "check: go vet"
go vet ./...
echo "check: staticcheck"
go run "$staticcheck" ./...
echo "check: the tests' provider"
cd internal/oidctest
go mod tidy -diff
go vet ./...
go run "$staticcheck" ./...
