#!/usr/bin/env bash
# Types, lint, unit tests; and web/dist must be what the sources make.
set -euo pipefail
export NO_COLOR=1
cd "$(dirname "$0")/../web"

npm run --silent typecheck
npm run --silent lint
npm run --silent test
npm run --silent build >/dev/null
if [ -n "$(git status --porcelain -- dist)" ]; then
  git status --short -- dist >&2
  echo "web/dist is not what web/src makes: run npm run build in web/ and commit web/dist" >&2
  exit 1
fi
