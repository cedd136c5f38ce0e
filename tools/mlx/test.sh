#!/bin/sh
# test.sh: the tests of the MLX backend on what make.sh built: the binding, the
# contract of backends, every golden, the engine, the demo model's samples, and
# the server.
set -eu
cd "$(dirname "$0")/../.."
go test -tags mlx ./engine/backend/all ./engine/backend/mlx/... ./engine
go test -tags mlx,goldens -run Golden ./engine/model/gemma3 ./engine/model/gemma4
go test -tags mlx -run 'TestAnswersAsTheReference|TestKVLoss' ./engine/demo
go test -tags mlx -run "MLX|Ranks" ./cmd/hark
