# Every command of the project. `make demo` and `make test` need Python 3.11, make and git only.

TEST_WORKERS ?= 3
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
PYTEST := $(BIN)/pytest -n $(TEST_WORKERS)
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --no-emit-index-url --extra embedded --extra dashboard --extra archive \
	--extra build

.PHONY: demo
demo: .venv/runtime        ## start everything, send the documented calls, show what they became
	$(BIN)/waybill demo

.PHONY: up
up: .venv/runtime          ## start everything and stay
	$(BIN)/waybill up

.PHONY: test
test: check audit unit integration schemas system browser  ## what CI runs

.PHONY: check
check: .venv/dev           ## formatting, lint, types, import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: .venv/dev          ## rewrite files as the formatter and the linter want them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: docs
docs: .venv/dev            ## write what pages repeat from the code, and ingest's OpenAPI
	$(BIN)/python -m tests.tools.written_docs
	$(BIN)/python -m tests.tools.console_docs

.PHONY: unit
unit: .venv/dev            ## no process, no network
	$(PYTEST) tests/unit

.PHONY: integration
integration: .venv/dev     ## real PostgreSQL and Redis, of the wheels and of Debian where installed
	$(PYTEST) tests/integration

.PHONY: schemas
schemas: .venv/dev         ## the tables in a schema that is not public, beside another's in public
	$(PYTEST) --schema shard_1 tests/integration/workers/drain tests/integration/workers/facts \
	  tests/integration/console/reports tests/integration/shared/shards

.PHONY: system
system: .venv/dev .venv/clients  ## the real processes over HTTP
	$(PYTEST) --dist loadfile tests/system

.PHONY: browser
browser: .venv/dev .venv/sdks/installed ## the console as a person uses it, and SDKs, where Chromium is found or installed
	@if found=$$(tests/browser/find_chromium.sh); then \
	  CHROMIUM=$$found $(BIN)/pytest tests/browser; \
	else \
	  echo "NOT RUN: the browser tests. There is no Chromium here, and none can be installed."; \
	fi

.PHONY: pictures
pictures: .venv/dev        ## the screenshots of docs/console.md, to be looked at
	CHROMIUM=$$(tests/browser/find_chromium.sh) $(BIN)/python -m tests.tools.pictures

.PHONY: import-test
import-test: .venv/dev     ## one file in three orders, by 1 and 4 workers, one killed each time
	$(BIN)/python -m tests.tools.acceptance_import $(if $(EVENTS),--events $(EVENTS))

.PHONY: large-day
large-day: .venv/dev       ## rollups of an app with so many events in one day, recounted; EVENTS=
	$(BIN)/python -m tests.tools.large_day $(if $(EVENTS),--events $(EVENTS))

.PHONY: measure-restore
measure-restore: .venv/dev ## how long a backup and a restore of so many events take; EVENTS=
	$(BIN)/python -m tests.tools.measure_restore $(if $(EVENTS),--events $(EVENTS))

.PHONY: measure-pages
measure-pages: .venv/dev   ## how long each page of the console takes with so many events; EVENTS=
	$(BIN)/python -m tests.tools.measure_pages $(if $(EVENTS),--events $(EVENTS))

.PHONY: measure-start
measure-start: .venv/dev   ## README from a clone to the first attributed event in the console; WARM=1
	CHROMIUM=$$(tests/browser/find_chromium.sh) $(BIN)/python -m tests.tools.measure_start $(if $(WARM),--warm)

.PHONY: measure-workers
measure-workers: .venv/dev ## events a second by so many workers, as in docs/performance.md
	$(BIN)/python -m tests.tools.measure_workers

.PHONY: measure-callbacks
measure-callbacks: .venv/dev ## how soon callbacks arrive, alone and beside dead endpoints, and how many a worker sends
	$(BIN)/python -m tests.tools.measure_callbacks $(if $(SECONDS),--seconds $(SECONDS)) $(if $(BURST),--burst $(BURST))

.PHONY: measure-outbox
measure-outbox: .venv/dev  ## CPU that a callback for every event adds to a drain, in turns with none
	$(BIN)/python -m tests.tools.measure_outbox $(if $(EVENTS),--events $(EVENTS))

.PHONY: faults
faults: .venv/faults       ## three minutes of faults, the controls of their judge, a minute of fuzz
	$(PYTEST) tests/chaos

.PHONY: stalls
stalls: .venv/dev          ## how long others wait beside a burst, a wide ID, an endless user, a lock; SCALE=
	$(BIN)/python -m tests.tools.measure_stalls $(if $(SCALE),--scale $(SCALE)) $(if $(WRITE),--write)

.PHONY: chaos
chaos: .venv/faults        ## faults from a seed, judged event by event (root); MINUTES=, SEED=, ONLY=
	$(BIN)/python -m tests.chaos.machine --minutes $(or $(MINUTES),30) \
	  $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only "$(ONLY)")

.PHONY: fuzz
fuzz: .venv/dev            ## any requests to the real server and the API; REQUESTS=, SEED=
	$(BIN)/python -m tests.chaos.fuzz --requests $(or $(REQUESTS),100000) $(if $(SEED),--seed $(SEED))

.PHONY: batch-kills
batch-kills: .venv/dev     ## a million events by /batch while ingest, a worker and Redis are killed; EVENTS=
	KILLED_EVENTS=$(or $(EVENTS),1000000) $(BIN)/python -m pytest -s -p no:cacheprovider tests/system/test_batches.py \
	  -k once_in_the_tables_whatever_is_killed

.PHONY: callback-faults
callback-faults: .venv/dev ## so many conversions, told to a receiver that fails at random, while everything is killed; EVENTS=
	CALLBACK_EVENTS=$(or $(EVENTS),100000) $(BIN)/python -m pytest -s -p no:cacheprovider tests/system/test_callback_faults.py

.PHONY: cluster-test
cluster-test: .venv/dev    ## hosts are cut off, stores fail over: what is lost? (root, 10 minutes)
	$(BIN)/python -m tests.chaos.cluster

.PHONY: image-check
image-check: .venv/dev     ## the steps of the Dockerfile in clean roots (root, debootstrap)
	$(BIN)/python -m tests.tools.image_check

.PHONY: audit
audit: .venv/dev           ## known vulnerabilities of what is pinned, where their source can be reached
	$(BIN)/python -m tests.tools.audit

.PHONY: sbom
sbom: .venv/dev            ## dist/waybill.cdx.json: what the image contains, as CycloneDX
	mkdir -p dist
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml \
	  --output-reproducible -o dist/waybill.cdx.json

.PHONY: wheel
wheel: .venv/dev           ## dist/: the wheel, the same bytes from the same commit wherever it is built
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(PIP) wheel --no-deps --no-build-isolation -w dist .

.PHONY: bench
bench: .venv/dev .venv/wrk ## ceilings, product, what one would write instead; ROWS=, SECONDS=, WRITE=1
	$(BIN)/python -m tests.bench $(ROWS) $(if $(SECONDS),--seconds $(SECONDS)) $(BENCH) $(if $(WRITE),--write)

.PHONY: bench-growth
bench-growth: .venv/dev .venv/wrk ## what an event costs in ever larger tables; EVENTS=, WRITE=1
	$(BIN)/python -m tests.bench.growth $(if $(EVENTS),--events $(EVENTS)) $(if $(WRITE),--write)

.PHONY: lock
lock: .venv/dev            ## newest versions into both lock files
	$(LOCK) --upgrade pyproject.toml -o requirements.lock
	$(LOCK) --extra dev --constraint requirements.lock pyproject.toml -o requirements-dev.lock

.PHONY: clean
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
