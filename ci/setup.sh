#!/usr/bin/env bash
# Sets up what the tests need. On Debian, as root or with sudo, it installs what is
# missing; elsewhere it names it and ends with 2. Go and Node are named only.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
have() { command -v "$1" >/dev/null 2>&1; }

have go || missing+=("Go 1.26 or later (https://go.dev/dl)")
node_ok() {
  have node && have npm && node -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)'
}
node_ok || missing+=("Node 20.19 or later with npm (https://nodejs.org)")

# package, and the test that it is there
packages=()
python_has() { python3 -c "import $1" 2>/dev/null || /usr/bin/python3 -c "import $1" 2>/dev/null; }
have redis-server || packages+=(redis-server)
have jq || packages+=(jq)
have chromium || packages+=(chromium)
python_has redis,django || packages+=(python3-redis python3-django)
have nginx || [ -x /usr/sbin/nginx ] || packages+=(nginx)
have curl || packages+=(curl)
have openssl || packages+=(openssl)
have ssh-keygen || packages+=(openssh-client)
have git || packages+=(git)
have gcc || packages+=(gcc libc6-dev)

if ((${#packages[@]})); then
  as_root=()
  can_install=false
  if have apt-get; then
    if [ "$(id -u)" = 0 ]; then
      can_install=true
    elif have sudo && sudo -n true 2>/dev/null; then
      can_install=true
      as_root=(sudo -n)
    fi
  fi
  if $can_install; then
    echo "setup: installing ${packages[*]}"
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
  else
    missing+=("${packages[@]}")
  fi
fi

if ((${#missing[@]})); then
  echo "setup: the tests need what is not here, and it cannot be installed from here:" >&2
  printf '  - %s\n' "${missing[@]}" >&2
  exit 2
fi

# A second run with the same lock file has nothing to do.
if [ ! -e web/node_modules/.loglane-lock ] || ! cmp -s web/package-lock.json web/node_modules/.loglane-lock; then
  echo "setup: npm packages"
  (cd web && npm ci --no-audit --no-fund --loglevel=error)
  cp web/package-lock.json web/node_modules/.loglane-lock
fi
