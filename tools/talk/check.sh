#!/bin/sh
# hark talk with sound that is heard: libspeexdsp against a computed room, then
# the program itself with PortAudio on a PulseAudio of its own, whose sinks have
# no sound card. It installs what it needs.
set -eu
cd "$(dirname "$0")/../.."
.ci/need 'gcc --version && test -e /usr/include/portaudio.h && test -e /usr/include/linux/videodev2.h' gcc libc6-dev portaudio19-dev
.ci/need 'pulseaudio --version && pactl --version && test -e /usr/share/alsa/alsa.conf.d/pulse.conf' pulseaudio pulseaudio-utils libasound2-plugins
.ci/need 'ldconfig -p | grep -q libspeexdsp.so.1' libspeexdsp1
.ci/need 'espeak-ng --version' espeak-ng
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go vet -tags portaudio,talk ./media/duplex ./media/camera ./audio/echo ./cmd/hark
go build -tags portaudio -o "$dir/hark" ./cmd/hark
go test -count=1 -tags talk ./audio/echo ./media/camera ./media/duplex
HARK_TALK=$dir/hark go test -count=1 -tags portaudio,talk ./cmd/hark -run 'TalkThrough|TalkWithoutSuch|TalkGives' # the others need no device
