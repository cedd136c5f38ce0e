#!/bin/sh
# make.sh [DIR]: MLX for CUDA and mlx-c beside it, in DIR, .cache/mlx-cuda
# without one: DIR/mlx/lib/libmlxc.so is what hark opens. MLX and the CUDA
# libraries are packages of PyPI, 3 GB; mlx-c is what tools/mlx/make.sh builds,
# since MLX's C++ interface is the same with and without CUDA.
set -eu
cd "$(dirname "$0")/../.."
mlx=0.32.2
dir=${1:-$PWD/.cache/mlx-cuda}

tools/mlx/make.sh
.ci/need 'python3 -c "import venv, ensurepip"' python3 python3-venv
mkdir -p "$dir"
python3 -m venv "$dir/venv"
# The headers in nvidia-cuda-crt are needed by some kernels that MLX compiles
# where they are first used; its own package does not ask for them.
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --target "$dir" \
	"mlx-cuda-13==$mlx" "nvidia-cuda-crt==13.*"
rm -rf "$dir/venv"
cp .cache/mlx/site/mlx/lib/libmlxc.so "$dir/mlx/lib/libmlxc.so"
echo "hark serve --mlx-lib $dir/mlx/lib/libmlxc.so"
