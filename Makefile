# The index of what can be run here; plain go commands work too. "stage" gives a command its time
# budget, in seconds on two idle cores with nothing cached, "need" installs a missing tool by apt.
.PHONY: build test check unit race goldens generic e2e bench fuzz screenshots wide gemma270m
STAGE = @.ci/stage $@

build:
	CGO_ENABLED=0 go build -o hark ./cmd/hark
test: check unit race goldens generic e2e
check:
	@test -z "$$(gofmt -l */)" || { echo "gofmt -w these:"; gofmt -l */; exit 1; }
	$(STAGE) 150 go vet ./...
	$(STAGE) 120 env GOARCH=arm64 go vet ./...
	$(STAGE) 120 env GOOS=darwin GOARCH=arm64 go vet ./...
	$(STAGE) 60 go vet -tags e2e,goldens,purego,wide,gemma270m ./...
	$(STAGE) 30 go test ./internal/arch
unit:
	$(STAGE) 240 go test ./...
race:
	@.ci/need 'gcc --version' gcc libc6-dev
	$(STAGE) 360 go test -race ./session/... ./media/... ./server/... ./engine/...
goldens:
	@.ci/need 'python3 -c "import venv, ensurepip"' python3 python3-venv
	$(STAGE) 240 tools/goldens/make.sh
	$(STAGE) 120 go test -tags goldens ./engine/... ./audio/... ./vision/...
generic:
	$(STAGE) 120 env HARK_ISA=generic go test -count=1 ./engine/...
e2e:
	@.ci/need 'chromium --version' chromium
	$(STAGE) 240 go test -tags e2e -v ./e2e
bench:
	go test -run '^$$' -bench . ./...
fuzz:
	@grep -rln --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r d; do \
	  for f in $$(grep -ho '^func Fuzz[A-Za-z0-9]*' $$d/*_test.go | cut -c6-); do go test -run '^$$' -fuzz "^$$f$$" -fuzztime 60s $$d || exit 1; done; done
wide gemma270m:
	tools/goldens/$@.sh
screenshots:
	@.ci/need 'chromium --version' chromium
	@.ci/need 'fc-list | grep -q Inter' fonts-inter fontconfig
	go run ./tools/screenshots -out docs/images
