#!/usr/bin/env bash
# Faults, and whether the promise holds through them: short (the default, within 5 minutes)
# or long (as docs/reliability.md tables it). Prints the table.
set -euo pipefail
size=${1:-short}
cd "$(dirname "$0")/../internal/chaos"

echo "chaos: the $size form"
go test -count=1 -timeout 90m . -chaos="$size"
