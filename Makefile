# Every command of the project. `make demo` and `make test` need Python 3.11, make and git only.

TEST_WORKERS ?= 3
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
PYTEST := $(BIN)/pytest -n $(TEST_WORKERS)
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --no-emit-index-url --extra embedded --extra build

.PHONY: demo up test check format docs unit integration system browser pictures import-test \
	measure-workers faults chaos fuzz cluster-test image-check bench bench-growth lock clean

demo: .venv/runtime        ## start everything, send the documented calls, show what they became
	$(BIN)/waybill demo

up: .venv/runtime          ## start everything and stay
	$(BIN)/waybill up

test: check unit integration system browser  ## what CI runs

check: .venv/dev           ## formatting, lint, types, import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev          ## rewrite files as the formatter and the linter want them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/dev            ## write what pages repeat from the code: settings
	$(BIN)/python -m tests.tools.written_docs

unit: .venv/dev            ## no process, no network
	$(PYTEST) tests/unit

integration: .venv/dev     ## real PostgreSQL and Redis, of the wheels and of Debian where installed
	$(PYTEST) tests/integration

system: .venv/dev .venv/clients  ## the real processes over HTTP
	$(PYTEST) --dist loadfile tests/system

browser: .venv/dev .venv/sdks/installed ## the console as a person uses it, and SDKs, where Chromium is found or installed
	@if found=$$(tests/browser/find_chromium.sh); then \
	  CHROMIUM=$$found $(BIN)/pytest tests/browser; \
	else \
	  echo "NOT RUN: the browser tests. There is no Chromium here, and none can be installed."; \
	fi

pictures: .venv/dev        ## the screenshots of docs/console.md, to be looked at
	CHROMIUM=$$(tests/browser/find_chromium.sh) $(BIN)/python -m tests.tools.pictures

import-test: .venv/dev     ## one file in three orders, by 1 and 4 workers, one killed each time
	$(BIN)/python -m tests.tools.acceptance_import $(if $(EVENTS),--events $(EVENTS))

measure-workers: .venv/dev ## events a second by so many workers, as in docs/performance.md
	$(BIN)/python -m tests.tools.measure_workers

faults: .venv/faults       ## three minutes of faults, the controls of their judge, a minute of fuzz
	$(PYTEST) tests/chaos

chaos: .venv/faults        ## faults from a seed, judged event by event (root); MINUTES=, SEED=, ONLY=
	$(BIN)/python -m tests.chaos.machine --minutes $(or $(MINUTES),30) \
	  $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only "$(ONLY)")

fuzz: .venv/dev            ## any requests to the real server and the API; REQUESTS=, SEED=
	$(BIN)/python -m tests.chaos.fuzz --requests $(or $(REQUESTS),100000) $(if $(SEED),--seed $(SEED))

cluster-test: .venv/dev    ## hosts are cut off, stores fail over: what is lost? (root, 10 minutes)
	$(BIN)/python -m tests.chaos.cluster

image-check: .venv/dev     ## the steps of the Dockerfile in clean roots (root, debootstrap)
	$(BIN)/python -m tests.tools.image_check

bench: .venv/dev .venv/wrk ## ceilings, product, what one would write instead; ROWS=, SECONDS=, WRITE=1
	$(BIN)/python -m tests.bench $(ROWS) $(if $(SECONDS),--seconds $(SECONDS)) $(BENCH) $(if $(WRITE),--write)

bench-growth: .venv/dev .venv/wrk ## what an event costs in ever larger tables; EVENTS=, WRITE=1
	$(BIN)/python -m tests.bench.growth $(if $(EVENTS),--events $(EVENTS)) $(if $(WRITE),--write)

lock: .venv/dev            ## newest versions into both lock files
	$(LOCK) --upgrade pyproject.toml -o requirements.lock
	$(LOCK) --extra dev --constraint requirements.lock pyproject.toml -o requirements-dev.lock

clean:                     ## forget the environment and the caches, keep data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/runtime: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	touch $@

.venv/dev: requirements-dev.lock pyproject.toml .venv/runtime
	$(PIP) install --require-hashes -r requirements-dev.lock
	touch $@

.venv/clients: .venv/dev   ## what the clients of docs/batch.md run on: Debian's Node, JDK, PHP, Ruby
	command -v node >/dev/null || apt-get install --yes --no-install-recommends nodejs
	command -v javac >/dev/null || apt-get install --yes --no-install-recommends openjdk-17-jdk-headless
	php -m 2>/dev/null | grep -q curl || apt-get install --yes --no-install-recommends php-cli php-curl
	command -v ruby >/dev/null || apt-get install --yes --no-install-recommends ruby
	touch $@

# By integrity, without an address: whichever registry npm is set up for.
.venv/sdks/installed: tests/browser/sdks/package-lock.json .venv/dev ## SDKs as they are published
	command -v npm >/dev/null || apt-get install --yes --no-install-recommends npm
	command -v openssl >/dev/null || apt-get install --yes --no-install-recommends openssl
	mkdir -p .venv/sdks && cp tests/browser/sdks/package*.json .venv/sdks/
	cd .venv/sdks && npm ci --ignore-scripts --no-audit --no-fund --silent
	touch $@

.venv/faults: .venv/dev    ## in CI it has to succeed; elsewhere the tests say what they lack
	(command -v faketime && command -v cc) || apt-get install --yes faketime gcc libc6-dev || test -z "$$CI"
	touch $@

.venv/wrk: .venv/dev       ## the one thing that the bench installs: Debian's wrk
	command -v wrk || apt-get install --yes wrk
	touch $@
