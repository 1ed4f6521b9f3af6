#!/usr/bin/env bash
# Faults, and whether the promise holds through them: short (the default, within 5 minutes),
# limits (those of logins that end, of floods, of restarted gateways, of the page and of replicas'
# clocks, short too), or long (all, as docs/reliability.md tables them). Prints the table.
set -euo pipefail
size=${1:-short}
cd "$(dirname "$0")/../internal/chaos"

limits='^Test(EndOfLogins|LoginsWhile|Storm|Flood|Queries|Bodies|RollingRestart|Page|ReplicasClocks)'
case $size in
short) which=(-skip "$limits") form=short ;;
limits) which=(-run "$limits") form=short ;;
*) which=() form=$size ;;
esac
echo "chaos: the $size form"
go test -count=1 -timeout 90m "${which[@]}" -chaos="$form"
