#!/usr/bin/env bash
# Each fuzz target for FUZZTIME: a number of inputs, for at the end of a time go test now
# and then reports "context deadline exceeded" as a failure of the target.
set -euo pipefail
cd "$(dirname "$0")/.."

for file in $(git grep -lE '^func Fuzz' -- '*_test.go'); do
  for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/p' "$file"); do
    echo "fuzz: $target in $(dirname "$file")"
    go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-20000x}" -fuzzminimizetime 1x
  done
done
