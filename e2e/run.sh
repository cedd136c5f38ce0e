#!/bin/sh
# The page in Chromium: fetches the checker of accessibility and the foreign
# client that the tests use, then runs them.
set -eu
cd "$(dirname "$0")/.."
.ci/need 'chromium --version' chromium
.ci/need 'espeak-ng --version' espeak-ng
.ci/need 'node --version && npm --version' nodejs npm
work=$PWD/.cache/e2e
if ! cmp -s e2e/package.json "$work/package.json.done"; then
  mkdir -p "$work"
  cp e2e/package.json "$work/"
  (cd "$work" && npm install --no-audit --no-fund --ignore-scripts --loglevel=error)
  cp e2e/package.json "$work/package.json.done"
fi
exec go test -tags e2e -count=1 "$@" ./e2e
