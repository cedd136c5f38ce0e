#!/bin/sh
# smoke.sh [WORK]: the whole way of the demo model with very little of
# everything, on CPUs: data, training of a tiny model, export, quantization,
# evaluation. It says nothing about quality; it shows that every step runs.
# WORK (default .cache/demo-model-smoke) keeps what was fetched.
set -eu
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
work=$(mkdir -p "${1:-$root/.cache/demo-model-smoke}" && cd "${1:-$root/.cache/demo-model-smoke}" && pwd)
export OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1

make --no-print-directory -s environment
python=$root/.venv/bin/python
begun=$(date +%s)
step() { echo "== $1 ($(($(date +%s) - begun)) s)"; }

step fetch
$python -m fetch "$work" --smoke
step prepare
[ -f "$work/assets/pieces.json" ] && [ -z "$(find dialogs pictures splits.py prepare.py -newer "$work/assets/pieces.json" -name '*.py')" ] ||
	$python -m prepare "$work" --smoke
$python -m splits "$work/assets"
$python -m check "$work"
rm -rf "$work/feed" "$work/run" "$work/tokenizer" "$work/bf16" "$work/8bit"
$python -m train.tokenizer "$work/assets" "$work/tokenizer"

step train
$python -m train.feed "$work/assets" "$work/feed" --painters 1 --small 1 --espeak 80 --flite 20 --noise 10 --seed 1 \
	>"$work/feed.log" 2>&1 &
feed=$!
trap 'kill $feed 2>/dev/null || true' EXIT
$python -m train.loop --assets "$work/assets" --tokenizer "$work/tokenizer" --feed "$work/feed" --out "$work/run" \
	--minutes 10 --shape 384,2,2,1024,4 --makers 1 --ring 300 --hours 0.3 --least 50,80 --tiny --steps 3
kill $feed

step export
$python -m train.export "$work/run" "$work/tokenizer" "$work/bf16" --assets "$work/assets" --clips 10 --pictures 4 --tiny
step quantize
$python -m train.quantize "$work/bf16" "$work/8bit"
step evaluate
rm -f "$work/table.md" "$work/table.json"
$python -m evaluate.run "$work" "$work/8bit" --n 1 --out "$work/table.md" \
	--only "noise and silence|coloured shapes|typed questions|unseen declarations"
cat "$work/table.md"
echo "== done in $(($(date +%s) - begun)) s"
