#!/bin/sh
# committed.sh: rewrites testdata/tiny, the tiny checkpoints that are tracked.
# They are smaller than those of make.sh and their goldens fewer: the tracked
# tree has a size limit. The e form has all its text, picture and sound
# goldens, the others, in half the width, those for text.
set -eu
cd "$(dirname "$0")/../.."
tools/goldens/make.sh venv
export OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1
out=testdata/tiny
.venv/bin/python tools/goldens/tiny.py $out --layouts hf-bf16 --variants dense,moe,unified --scale 0.5 --keep text >/dev/null
.venv/bin/python tools/goldens/tiny.py $out --layouts hf-bf16 --variants e --keep media >/dev/null
.venv/bin/python tools/goldens/gemma3.py $out --committed >/dev/null
.venv/bin/python tools/goldens/thin.py $out/*/golden-hf.safetensors
rm -f $out/report.json
du -sh $out/*
