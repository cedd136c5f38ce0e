# The index of what can be run here; plain go commands work too. "stage" gives a command its time
# budget, in seconds on two idle cores with nothing cached, "need" installs a missing tool by apt.
.PHONY: build test check unit race goldens mlx generic arm64 e2e clients api smoke talk soak-mlx schedules bench fuzz screenshots wide gemma270m piper
STAGE = @.ci/stage $@
build:
	CGO_ENABLED=0 go build -o hark ./cmd/hark
test: check unit race goldens mlx generic arm64 e2e clients api smoke talk
check:
	@test -z "$$(gofmt -l */)" || { echo "gofmt -w these:"; gofmt -l */; exit 1; }
	$(STAGE) 180 .ci/vet
	$(STAGE) 20 go test ./internal/arch
unit:
	$(STAGE) 240 sh -c '.ci/need "espeak-ng --version" espeak-ng && go test -tags voice ./... && cd examples/kiosk && go test ./...'
race:
	$(STAGE) 340 sh -c '.ci/need "gcc --version" gcc libc6-dev && go test -race ./session/... ./media/... ./server/... ./engine/...'
goldens:
	$(STAGE) 150 tools/goldens/make.sh
	$(STAGE) 60 go test -tags goldens ./engine/... ./audio/... ./vision/...
mlx: export CGO_ENABLED = 0
mlx:
	$(STAGE) 200 tools/mlx/make.sh
	$(STAGE) 280 tools/mlx/test.sh
generic:
	$(STAGE) 180 env HARK_ISA=generic go test -count=1 ./engine/...
arm64:
	$(STAGE) 150 .ci/arm64
e2e:
	$(STAGE) 240 e2e/run.sh -v
clients:
	$(STAGE) 300 tools/clients/run.sh
api:
	$(STAGE) 110 tools/api/check.sh
smoke:
	$(STAGE) 200 tools/demo-model/smoke.sh
talk:
	$(STAGE) 150 tools/talk/check.sh
soak-mlx:
	tools/mlx/soak.sh 30m
schedules:
	go test ./engine -run '^TestSchedules$$' -timeout 60m -args -schedules 10000
bench:
	go test -run '^$$' -bench . ./...
fuzz:
	.ci/fuzz 60s
wide gemma270m piper:
	tools/goldens/$@.sh
screenshots:
	@.ci/need 'chromium --version && espeak-ng --version && fc-list | grep -q Inter' chromium espeak-ng fonts-inter fontconfig
	go run ./tools/screenshots -out docs/images
