# The index of what can be run here; plain go commands work too. "stage" gives a command its time
# budget, in seconds on two idle cores with nothing cached, "need" installs a missing tool by apt.
.PHONY: build test check unit race goldens generic e2e clients smoke schedules bench fuzz screenshots wide gemma270m piper:
	tools/goldens/$@.sh
screenshots:
	@.ci/need 'chromium --version && fc-list | grep -q Inter' chromium fonts-inter fontconfig
	go run ./tools/screenshots -out docs/images
