#!/bin/sh
# Other people's clients, unmodified, hold a conversation with hark: installs
# them into .cache/clients, starts a server with and one without TLS, runs each.
set -eu
cd "$(dirname "$0")/../.."
here=tools/clients
.ci/need 'node --version && npm --version' nodejs npm
.ci/need 'espeak-ng --version' espeak-ng
.ci/need 'python3 -c "import venv, ensurepip"' python3 python3-venv
work=$PWD/.cache/clients
mkdir -p "$work/node"
if [ ! -x "$work/venv/bin/python" ]; then
  python3 -m venv "$work/venv"
fi
if ! cmp -s $here/requirements.txt "$work/requirements.txt"; then
  "$work/venv/bin/pip" install -q --disable-pip-version-check -r $here/requirements.txt
  cp $here/requirements.txt "$work/"
fi
if ! cmp -s $here/package.json "$work/node/package.json.done"; then
  cp $here/package.json "$work/node/package.json"
  (cd "$work/node" && npm install --no-audit --no-fund --loglevel=error)
  cp $here/package.json "$work/node/package.json.done"
fi
# Node finds packages above a script; the scripts stand beside what they need.
cp $here/*.mjs "$work/node/"
export HARK_SAMPLES="$PWD/testdata/samples"
CGO_ENABLED=0 go build -o "$work/hark" ./cmd/hark

serve() { # name, flags
  name=$1 && shift
  "$work/hark" serve --addr 127.0.0.1:0 --voice espeak "$@" >"$work/$name.log" 2>&1 &
  echo $! >"$work/$name.pid"
  for _ in $(seq 100); do
    url=$(sed -n 's/^hark listens on \([^ ]*\) .*/\1/p' "$work/$name.log")
    [ -n "$url" ] && return
    sleep 0.2
  done
  cat "$work/$name.log" && exit 1
}
stop() {
  for p in "$work"/*.pid; do [ -f "$p" ] && { kill "$(cat "$p")" 2>/dev/null || true; rm "$p"; }; done
}
trap stop EXIT
serve plain && plain=$url
serve tls --tls self-signed --tls-dir "$work/tls" && tls=$url

run() { # what it is, then the command
  echo "== $1" && shift
  timeout 120 "$@" || { echo "failed: $*"; tail -n 5 "$work/plain.log" "$work/tls.log"; exit 1; }
}
for c in openai_realtime openai_http openai_agents livekit_realtime pipecat_realtime pydantic_ai_realtime aiortc_call; do
  run "$c.py" "$work/venv/bin/python" -W ignore $here/$c.py "$plain/v1"
done
for c in openai_agents ai_sdk; do
  run "$c.mjs" node "$work/node/$c.mjs" "$plain/v1"
done
run openai_realtime.mjs env NODE_EXTRA_CA_CERTS="$work/tls/cert.pem" node "$work/node/openai_realtime.mjs" "$tls/v1"
echo "== all clients: ok"
