# Everything starts here. `make` alone says what there is.

UI   := internal/web/ui
DIST := internal/web/dist/index.html
LINT := go tool -modfile=tools/go.mod golangci-lint

# What the page is built from. Folders too: they change when a file is added or removed.
PAGE := $(shell find $(UI) -name node_modules -prune -o -print 2>/dev/null)
# The browser tests' packages, if there are such tests.
BROWSER := $(patsubst %/package-lock.json,%/node_modules/.package-lock.json,$(wildcard test/browser/package-lock.json))
# Shell has no ./...: every script of ours.
SCRIPTS := $(wildcard scripts/* .ci/run)

# What the tests of deploy/terraform need.
DEPLOY  := moto tflint checkov shellcheck

# A checkout without git, or without tags, still builds.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
ARGS    ?=
BENCH   ?= .
COUNT   ?= 6
RUNS    ?= 3
# The Python environment of the stack that Windlass is measured beside.
PEER    := .cache/peer/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## start everything with an embedded Redis on http://127.0.0.1:8000 (ARGS="-listen ...")
	bin/windlass -egress-allow 127.0.0.0/8,::1/128 $(ARGS)

# grpcnotrace: gRPC's page of traces, which nobody serves, would make the program a third larger.
.PHONY: build
build: page ## write bin/windlass, the page inside (GOOS and GOARCH for other machines)
	CGO_ENABLED=0 go build -trimpath -tags grpcnotrace -ldflags '-s -w -X main.version=$(VERSION)' -o bin/windlass ./cmd/server

.PHONY: doctor
doctor: build ## look at Redis, CloudWatch, clock, port and log spool from here (ARGS="-redis-url ...")
	@bin/windlass doctor $(ARGS)

.PHONY: image
image: ## build the image windlass:local with Docker, for this machine's platform
	docker build --build-arg VERSION=$(VERSION) --tag windlass:local .

.PHONY: page
page: $(DIST) ## build the page, if it is older than its source

$(DIST): $(UI)/node_modules/.package-lock.json $(PAGE)
	npm --prefix $(UI) run build

# npm writes this file; it says which lock file the packages are from.
%/node_modules/.package-lock.json: %/package-lock.json
	npm --prefix $* ci --no-audit --no-fund
	@mkdir -p $(@D) && touch $@

.PHONY: test
test: page $(BROWSER) ## every test: Go with the race detector, 5 s of each fuzz test, page, browser
	@scripts/setup gcc redis-server chromium font moto awscli promtool schemathesis ip systemd curl
	@if command -v terraform >/dev/null; then scripts/setup $(DEPLOY); fi
	@scripts/test

.PHONY: test-deploy
test-deploy: ## deploy/terraform without AWS: lint, policies, plans, the minimal profile applied to an emulator
	@scripts/setup $(DEPLOY)
	@PROFILES=minimal scripts/test-deploy

.PHONY: test-aws
test-aws: ## every profile applied to an emulator of AWS, changed and destroyed (8 min)
	@scripts/setup moto
	@scripts/test-deploy apply

.PHONY: check
check: page ## format, vet, lint, walls between packages, types of the page, generated files, scripts
	@echo "== gofmt"
	@unformatted=$$(find . \( -name node_modules -o -name .cache -o -name .git \) -prune -o -name '*.go' -print | xargs gofmt -l) && \
		if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	@echo "== go mod verify"
	@go mod verify
	@echo "== go vet"
	@go vet ./...
	@echo "== golangci-lint"
	@$(LINT) run
	@echo "== types of the page"
	@npm --prefix $(UI) run --silent typecheck
	@echo "== generated files"
	@scripts/check-generated
	@echo "== scripts"
	@scripts/setup --try shellcheck
	@if command -v shellcheck >/dev/null; then shellcheck $(SCRIPTS); fi
	@echo "== image"
	@scripts/setup --try hadolint
	@if [ -x .cache/hadolint/bin/hadolint ]; then .cache/hadolint/bin/hadolint Dockerfile; fi
	@echo "== workflows"
	@go tool -modfile=tools/actionlint.mod actionlint

.PHONY: release
release: $(UI)/node_modules/.package-lock.json ## write bin/release: archives, bills of materials, licences, checksums; built twice, byte by byte the same
	VERSION=$(VERSION) scripts/release

.PHONY: generate
generate: $(UI)/node_modules/.package-lock.json ## write openapi.json from the API, the page's types from it, and the tables of docs/metrics.md
	go test ./internal/api -run '^TestOpenAPI$$' -count=1 -update
	npm --prefix $(UI) run --silent types
	go test ./internal/metric -run '^TestDocument$$' -count=1 -update

.PHONY: bench
bench: build $(PEER) ## Windlass beside what it replaces, one table (BENCH=regexp RUNS=3 ARGS="-load 5s ...")
	@scripts/setup redis-server nginx wrk
	@go build -o .cache/bench/ ./bench ./bench/peer/asynq
	@PATH="$$PATH:/usr/sbin" .cache/bench/bench -bench '$(BENCH)' -runs $(RUNS) $(ARGS)

$(PEER): bench/peer/requirements.txt
	@scripts/setup python-venv
	rm -rf $(@D)
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

.PHONY: bench-go
bench-go: ## Go benchmarks, medians of COUNT=6 runs (BENCH=regexp)
	@mkdir -p .cache
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count=$(COUNT) ./internal/... >.cache/bench.txt || { cat .cache/bench.txt; exit 1; }
	@go tool -modfile=tools/go.mod benchstat .cache/bench.txt

.PHONY: fuzz
fuzz: FUZZTIME ?= 5m
fuzz: ## search longer with every fuzz test (FUZZTIME=5m each)
	scripts/fuzz $(FUZZTIME)

.PHONY: chaos
chaos: page ## kill, pause and cut off workers and Redis under load, and see that nothing is lost (20 min)
	@scripts/setup redis-server
	go test ./test/chaos -run '^TestChaos$$' -count=1 -v -chaos=long -timeout 60m

.PHONY: clean
clean: ## remove everything that make has made
	rm -rf bin .cache bench/peer/__pycache__ internal/web/dist $(UI)/node_modules test/browser/node_modules test/browser/test-results
