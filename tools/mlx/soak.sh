#!/bin/sh
# soak.sh DURATION: serves the embedded model on MLX for so long while sessions
# come and go, and fails when memory grows.
set -eu
cd "$(dirname "$0")/../.."
[ "$(uname)" = Darwin ] || tools/mlx/make.sh
CGO_ENABLED=0 go test -tags mlx,soak -timeout 0 -count=1 -v -run TestSoakOnMLX ./cmd/hark -args -soak "${1:-30m}"
