#!/usr/bin/env bash
# The built program over a real Redis, in Chromium.
set -euo pipefail
export NO_COLOR=1
cd "$(dirname "$0")/.."

bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/" ./cmd/loglane ./internal/e2e/publish
cd web
LOGLANE_BIN="$bin/loglane" PUBLISH_BIN="$bin/publish" npm run --silent e2e
