#!/usr/bin/env bash
# The built program over a real Redis, in Chromium.
set -euo pipefail
export NO_COLOR=1
cd "$(dirname "$0")/.."

bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/" ./cmd/loglane ./internal/e2e/publish
go build -C internal/oidctest -o "$bin/" .
cd web
LOGLANE_BIN="$bin/loglane" PUBLISH_BIN="$bin/publish" OIDC_BIN="$bin/oidctest" npm run --silent e2e
