#!/bin/sh
# wide.sh: makes a checkpoint of few layers with the widths of each published
# Gemma 4, compares hark with transformers on it, and deletes it.
set -eu
cd "$(dirname "$0")/../.."
tools/goldens/make.sh venv
OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 .venv/bin/python tools/goldens/wide.py .cache/goldens/wide --check
