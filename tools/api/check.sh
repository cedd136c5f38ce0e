#!/bin/sh
# The HTTP API of a real server, from outside: schemathesis looks for requests
# that are answered otherwise than the document says, every example of
# docs/http.md is run with curl, and ffmpeg decodes what it makes itself.
set -eu
cd "$(dirname "$0")/../.."
here=tools/api
.ci/need 'python3 -c "import venv, ensurepip"' python3 python3-venv
.ci/need 'curl --version' curl
.ci/need 'ffmpeg -version' ffmpeg
.ci/need 'espeak-ng --version' espeak-ng
work=$PWD/.cache/api
mkdir -p "$work"
if ! cmp -s $here/requirements.txt "$work/requirements.txt"; then
	rm -rf "$work/venv"
	python3 -m venv "$work/venv"
	"$work/venv/bin/pip" install -q --disable-pip-version-check -r $here/requirements.txt
	cp $here/requirements.txt "$work/"
fi
go test -tags ffmpeg ./server/ffmpeg
CGO_ENABLED=0 go build -o "$work/hark" ./cmd/hark

# --max-tokens: the demo model goes on until the context is full where a schema lets it.
KEY=sk-api-test
export KEY
"$work/hark" serve --addr 127.0.0.1:0 --key $KEY --max-tokens 64 --voice espeak >"$work/out" 2>"$work/log" &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
url=
for _ in $(seq 100); do
	url=$(sed -n 's/^hark listens on \([^ ]*\) .*/\1/p' "$work/out")
	[ -z "$url" ] || break
	sleep 0.2
done
[ -n "$url" ] || { cat "$work/out" "$work/log"; exit 1; }

echo "== the examples of docs/http.md"
rm -rf "$work/examples"
mkdir -p "$work/examples/bin"
cp testdata/samples/question-0.wav "$work/examples/question.wav"
cp testdata/samples/picture-0.png "$work/examples/picture.png"
cp media/rtc/testdata/offer.sdp "$work/examples/offer.sdp"
# In examples curl shows errors and goes on; here they are failures.
printf '#!/bin/sh\nexec %s -sS --fail-with-body "$@"\n' "$(command -v curl)" >"$work/examples/bin/curl"
chmod +x "$work/examples/bin/curl"
ln -s "$work/hark" "$work/examples/bin/hark"
awk -v dir="$work/examples" '/^```sh$/ { n++; in_sh = 1; next } /^```/ { in_sh = 0 } in_sh { print > sprintf("%s/%02d.sh", dir, n) }' docs/http.md
for example in "$work"/examples/*.sh; do
	sed -i "s#http://127.0.0.1:8080#$url#" "$example"
	(cd "$work/examples" && PATH="$work/examples/bin:$PATH" XDG_CONFIG_HOME="$work/examples" bash -e -o pipefail "$example" >"$example.out" 2>&1) ||
		{ echo "failed: $example"; cat "$example" "$example.out"; exit 1; }
done
ls "$work"/examples/*.sh | wc -l

echo "== schemathesis"
# It leaves a folder where it runs.
(cd "$work" && nice venv/bin/st --config-file "$OLDPWD/$here/schemathesis.toml" run "$url/openapi.json" -H "Authorization: Bearer $KEY" \
	--max-examples 10 --seed 1) >"$work/schemathesis" 2>&1 || { cat "$work/schemathesis"; tail -5 "$work/log"; exit 1; }
sed -n '/^Test cases/,$p' "$work/schemathesis"

kill $server
wait $server
trap - EXIT
echo "== the API: ok"
