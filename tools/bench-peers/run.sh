#!/bin/sh
# run.sh: builds llama.cpp and hark, makes the same checkpoint for both, and
# measures them in turns. README.md has the variables.
set -eu
cd "$(dirname "$0")/../.."
version=0.3.36
cache=${CACHE:-$PWD/.cache/peers}
threads=${THREADS:-$(nproc)}
source=$cache/llama_cpp_python-$version/vendor/llama.cpp
python=${PYTHON:-$PWD/.venv/bin/python}
mkdir -p "$cache"
[ -x "$python" ] || tools/goldens/make.sh venv
.ci/need 'cmake --version && g++ --version' cmake g++ make

if ! [ -d "$source" ]; then
	"$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: -d "$cache" "llama-cpp-python==$version"
	tar -C "$cache" -xzf "$cache/llama_cpp_python-$version.tar.gz"
fi

# The processor's instruction sets, by the names of GGML. Its own detection
# ends with an illegal instruction on some virtual machines.
if ! [ -x "$cache/build/bin/llama-batched-bench" ]; then
	set --
	for pair in avx:AVX avx2:AVX2 fma:FMA f16c:F16C bmi2:BMI2 avx512f:AVX512 avx512_vbmi:AVX512_VBMI \
		avx512vbmi:AVX512_VBMI avx512_vnni:AVX512_VNNI avx512_bf16:AVX512_BF16 avx_vnni:AVX_VNNI \
		amx_tile:AMX_TILE amx_int8:AMX_INT8 amx_bf16:AMX_BF16; do
		if grep -qw "${pair%%:*}" /proc/cpuinfo; then set -- "$@" "-DGGML_${pair##*:}=ON"; fi
	done
	cmake -S "$source" -B "$cache/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=OFF \
		-DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_SERVER=OFF "$@" >"$cache/build.log"
	nice cmake --build "$cache/build" --target llama-bench llama-batched-bench -j "${JOBS:-$(nproc)}" >>"$cache/build.log"
fi

CGO_ENABLED=0 go build -tags static -o "$cache/hark" ./cmd/hark
if [ -n "${MODEL:-}" ]; then # a checkpoint in bfloat16
	name=${NAME:-$(basename "$MODEL")}
	for group in 32 64; do
		[ -d "$cache/$name-g$group" ] || "$cache/hark" convert --in "$MODEL" --out "$cache/$name-g$group" --bits 4 --group-size $group
	done
else # random weights in the shape of E2B, with less layers
	name=e2b
	for group in 32 64; do
		[ -d "$cache/$name-g$group" ] ||
			go run ./tools/shapes -shape e2b -group $group -text-layers 10 -audio-layers 4 -vision-layers 4 -out "$cache/$name-g$group"
	done
fi
for kind in q4_1 q4_0; do
	[ -f "$cache/$name-$kind.gguf" ] || "$python" tools/bench-peers/gguf_of.py "$cache/$name-g32" "$cache/$name-$kind.gguf" --type $kind
done
[ "${ROUNDS:-5}" = 0 ] ||
	exec "$python" tools/bench-peers/measure.py --cache "$cache" --name "$name" --threads "$threads" --rounds "${ROUNDS:-5}" --wrap "${WRAP:-}"
