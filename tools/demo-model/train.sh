#!/bin/sh
# train.sh MINUTES [options of train.loop]: producers and trainer together,
# until the minutes are over. WORK holds assets, tokenizer and packs; RUN
# takes the weights. PAINTERS, SMALL and MAKERS share out the processors.
set -eu
cd "$(dirname "$0")"
minutes=$1
shift
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS=1
python=${PYTHON:-python3}
[ -x ../../.venv/bin/python ] && [ -z "${PYTHON:-}" ] && python=../../.venv/bin/python
feed=${FEED:-$WORK/feed}
rm -rf "$feed"
mkdir -p "$WORK/packs"
chmod +x "$WORK"/assets/bin/*
export LD_LIBRARY_PATH="$WORK/assets/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" # a bare machine lacks what espeak-ng links
$python -m train.feed "$WORK/assets" "$feed" --packs "$WORK/packs" --painters "${PAINTERS:-8}" --small "${SMALL:-4}" \
	--espeak "${ESPEAK:-4000}" --flite "${FLITE:-2000}" >"$WORK/feed.log" 2>&1 &
producers=$!
trap 'kill $producers 2>/dev/null || true' EXIT
$python -m train.loop --assets "$WORK/assets" --tokenizer "$WORK/tokenizer" --feed "$feed" --out "$RUN" \
	--minutes "$minutes" --makers "${MAKERS:-6}" "$@"
