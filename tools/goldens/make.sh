#!/bin/sh
# make.sh: makes the goldens that are not committed, in .cache/goldens: every
# variant in every layout, see README.md. It creates the Python environment
# .venv if it is missing, does nothing when the cache was made from the same
# inputs, and prints what it does. "make.sh venv" stops after the environment.
set -eu
cd "$(dirname "$0")/../.."
.ci/need 'python3 -c "import venv, ensurepip"' python3 python3-venv
tools=tools/goldens
cache=.cache/goldens
venv=.venv

# One make.sh at a time: others wait for the lock.
mkdir -p .cache
exec 9>.cache/goldens.lock
flock 9

sum() { cat "$@" | sha256sum | cut -c1-16; }

requirements=$(sum $tools/requirements.txt $tools/cpu_torch.py)
if [ "$(cat $venv/requirements.sum 2>/dev/null)" != "$requirements" ]; then
	.ci/need 'gcc --version && nm --version' gcc libc6-dev binutils
	echo "== goldens: installing $venv"
	rm -rf $venv
	python3 -m venv $venv
	$venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-compile -r $tools/requirements.txt
	$venv/bin/python $tools/cpu_torch.py $venv/lib/python3*/site-packages/torch/lib
	echo "$requirements" >$venv/requirements.sum
fi
[ "${1:-}" != venv ] || exit 0

# Each generator writes a folder of its own below the folder it is given.
for program in $tools/tiny.py $tools/chat.py $tools/gemma3.py; do
	name=$(basename "$program" .py)
	inputs=$(sum $tools/requirements.txt "$program" $tools/tinymodel/*.py $tools/tinymodel/*.jinja)
	[ "$(cat $cache/$name.sum 2>/dev/null)" != "$inputs" ] || continue
	echo "== goldens: $program"
	mkdir -p $cache
	rm -f "$cache/$name.sum"
	OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1 \
		$venv/bin/python "$program" $cache >"$cache/$name.log" 2>&1 || { tail -30 "$cache/$name.log" >&2; exit 1; }
	echo "$inputs" >"$cache/$name.sum"
done
