# The index of what can be run here; plain go commands work too. "stage" gives a command its time
# budget, in seconds on two idle cores with nothing cached, "need" installs a missing tool by apt.
.PHONY: build test check unit race goldens generic e2e clients smoke schedules bench fuzz screenshots wide gemma270m piper
STAGE = @.ci/stage $@
build:
	CGO_ENABLED=0 go build -o hark ./cmd/hark
test: check unit race goldens generic e2e clients smoke
check:
	@test -z "$$(gofmt -l */)" || { echo "gofmt -w these:"; gofmt -l */; exit 1; }
	$(STAGE) 120 go vet ./...
	$(STAGE) 120 sh -c 'GOARCH=arm64 go vet ./... && GOOS=darwin GOARCH=arm64 go vet ./...'
	$(STAGE) 60 sh -c 'go vet -tags e2e,goldens,purego,voice,piper,wide,gemma270m ./... && go vet -tags static ./audio/...'
	$(STAGE) 20 go test ./internal/arch
unit:
	$(STAGE) 180 sh -c '.ci/need "espeak-ng --version" espeak-ng && go test -tags voice ./...'
race:
	@.ci/need 'gcc --version' gcc libc6-dev
	$(STAGE) 260 go test -race ./session/... ./media/... ./server/... ./engine/...
goldens:
	@.ci/need 'python3 -c "import venv, ensurepip"' python3 python3-venv
	$(STAGE) 150 tools/goldens/make.sh
	$(STAGE) 90 go test -tags goldens ./engine/... ./audio/... ./vision/...
generic:
	$(STAGE) 90 env HARK_ISA=generic go test -count=1 ./engine/...
e2e:
	@.ci/need 'chromium --version' chromium
	$(STAGE) 120 go test -tags e2e -v ./e2e
clients:
	@.ci/need 'node --version && npm --version' nodejs npm
	@.ci/need 'espeak-ng --version' espeak-ng
	@.ci/need 'python3 -c "import venv, ensurepip"' python3 python3-venv
	$(STAGE) 420 tools/clients/run.sh
smoke:
	$(STAGE) 180 tools/demo-model/smoke.sh
schedules:
	go test ./engine -run '^TestSchedules$$' -timeout 60m -args -schedules 10000
bench:
	go test -run '^$$' -bench . ./...
fuzz:
	@grep -rln --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r d; do \
	  for f in $$(grep -ho '^func Fuzz[A-Za-z0-9]*' $$d/*_test.go | cut -c6-); do go test -run '^$$' -fuzz "^$$f$$" -fuzztime 60s $$d || exit 1; done; done
wide gemma270m piper:
	tools/goldens/$@.sh
screenshots:
	@.ci/need 'chromium --version' chromium
	@.ci/need 'fc-list | grep -q Inter' fonts-inter fontconfig
	go run ./tools/screenshots -out docs/images
