#!/bin/sh
# make.sh: builds mlx-c for MLX's processor device, for the tests of the MLX
# backend on Linux: .cache/mlx/site/mlx/lib/libmlxc.so. MLX itself is the PyPI
# wheel, the sources of mlx-c are those that the crate mlx-sys carries. It does
# nothing when that is there already. On a Mac, "brew install mlx-c" serves.
set -eu
cd "$(dirname "$0")/../.."
mlx=0.32.2
crate=0.7.0
cache=$PWD/.cache/mlx
library=$cache/site/mlx/lib/libmlxc.so

# One make.sh at a time: others wait for the lock.
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

inputs=$(sha256sum tools/mlx/make.sh | cut -c1-16)
if [ "$(cat "$cache/sum" 2>/dev/null)" = "$inputs" ] && [ -e "$library" ]; then
	exit 0
fi
.ci/need 'python3 -c "import venv, ensurepip"' python3 python3-venv
.ci/need 'g++ --version && cmake --version && make --version' g++ cmake make
.ci/need 'test -e /usr/include/fmt/format.h' libfmt-dev
command -v cargo >/dev/null || PATH=$PATH:$HOME/.cargo/bin
command -v cargo >/dev/null || .ci/need 'cargo --version' cargo-web

echo "== mlx: MLX $mlx"
rm -rf "$cache/site" "$cache/build" "$cache/venv"
python3 -m venv "$cache/venv"
"$cache/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-compile --target "$cache/site" "mlx-cpu==$mlx"

echo "== mlx: mlx-c of mlx-sys $crate"
mkdir -p "$cache/sources/src"
cat >"$cache/sources/Cargo.toml" <<END
[package]
name = "sources"
version = "0.0.0"
edition = "2021"
[dependencies]
mlx-sys = { version = "=$crate", default-features = false }
[workspace]
END
touch "$cache/sources/src/lib.rs"
(cd "$cache/sources" && CARGO_HOME="$cache/cargo" cargo fetch --quiet)
source=$(echo "$cache"/cargo/registry/src/*/mlx-sys-$crate/src/mlx-c)

# g++ before 13 has no <format>: the library that it was made after stands in.
mkdir -p "$cache/build"
flags=
if ! echo '#include <format>' | g++ -std=c++20 -fsyntax-only -x c++ - 2>/dev/null; then
	printf '#pragma once\n#include <fmt/format.h>\nnamespace std { using fmt::format; }\n' >"$cache/build/format"
	flags="-DFMT_HEADER_ONLY -include $cache/build/format"
fi
cmake -S "$source" -B "$cache/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON -DMLX_C_USE_SYSTEM_MLX=ON \
	-DMLX_C_BUILD_EXAMPLES=OFF -DCMAKE_PREFIX_PATH="$cache/site/mlx" -DCMAKE_CXX_FLAGS="$flags" \
	-DCMAKE_BUILD_WITH_INSTALL_RPATH=ON -DCMAKE_INSTALL_RPATH='$ORIGIN' >"$cache/build.log" 2>&1 || { tail -30 "$cache/build.log" >&2; exit 1; }
cmake --build "$cache/build" --parallel 2 >>"$cache/build.log" 2>&1 || { tail -30 "$cache/build.log" >&2; exit 1; }
cp "$cache/build/libmlxc.so" "$library"
rm -rf "$cache/build" "$cache/venv" "$cache/cargo"
echo "$inputs" >"$cache/sum"
