#!/usr/bin/env bash
# Builds a release: release.sh <version> <directory>.
# For each of PLATFORMS a static binary, which is the same byte for byte wherever this commit is
# built by the same Go; two bills of materials (CycloneDX), of the Go modules in the binaries and
# of the npm packages in the page; SHA256SUMS of all of these, and its signature by the SSH key
# whose file LOGLANE_SIGNING_KEY names. Without a key it says that nothing is signed.
set -euo pipefail
cd "$(dirname "$0")/.."

if (($# != 2)); then
  echo "usage: ci/release.sh <version> <directory>" >&2
  exit 2
fi
version=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)
if [ -n "$(ls -A "$out")" ]; then
  echo "release: $2 is not empty" >&2
  exit 1
fi
if [ -n "$(git status --porcelain)" ]; then
  echo "release: commit what has changed first, so that the binaries tell their commit" >&2
  exit 1
fi

bill=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.9.0

for platform in ${PLATFORMS:-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64}; do
  echo "release: $platform"
  CGO_ENABLED=0 GOOS=${platform%/*} GOARCH=${platform#*/} \
    go build -trimpath -buildvcs=true -ldflags "-s -w -X main.version=$version" -o "$out/loglane-${platform/\//-}" ./cmd/loglane
done
echo "release: bills of materials"
CGO_ENABLED=0 go run "$bill" app -json -noserial -main cmd/loglane -output "$out/loglane-go.cdx.json" . 2>"$out/.bill" ||
  { cat "$out/.bill" >&2; exit 1; }
rm "$out/.bill"
(cd web && npm sbom --sbom-format cyclonedx --omit dev --package-lock-only) >"$out/loglane-web.cdx.json"

cd "$out"
sha256sum loglane-* >SHA256SUMS
if [ -n "${LOGLANE_SIGNING_KEY:-}" ]; then
  ssh-keygen -q -Y sign -f "$LOGLANE_SIGNING_KEY" -n loglane-release SHA256SUMS
  echo "release: signed, in $2"
else
  echo "release: not signed, for LOGLANE_SIGNING_KEY names no SSH key; in $2"
fi
