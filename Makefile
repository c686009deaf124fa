# Everything needs nothing but python3 (3.11 or newer), make and git: uv is fetched when missing,
# into .uv/, and the dependencies that uv.lock names into .venv/.

SHELL := /bin/bash
UV := $(shell command -v uv || echo .uv/bin/uv)
export UV
export UV_PYTHON_DOWNLOADS := never
RUN := $(UV) run --frozen --quiet
export PYTHONPATH := functions:.

.PHONY: bench load run replay test lint unit workflow browser screenshots interleavings year faults-share faults generate \
	package deployment check-template vulnerabilities build deploy delete setup hooks lock clean help

help: ## Show this
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nOperators: ./rentals --help\n'

##@ Run

run: .venv/.run ## Run the whole system on this machine until Ctrl-C
	@exec .venv/bin/python -m tools.local

replay: .venv/.run ## Send a sample event: EVENT=events/... [RENTAL=id] [ARGS="--http --times 3"]
	@.venv/bin/python -m tools.cli replay "$(EVENT)" $(RENTAL) $(ARGS)

##@ Check

# The longest first: most of a workflow test's time is waiting, so several at once take little longer.
TESTS := workflow browser deployment faults-share unit witness-share interleavings package adapters-share reference check-template lint
TEST_JOBS ?= 3

test: setup .venv-sam/.locked tests/reference/node_modules/.locked ## Run every check and test, TEST_JOBS (3) at once; each prints when it is done
	@$(MAKE) --no-print-directory --keep-going --jobs=$(TEST_JOBS) --output-sync=target $(TESTS)

lint: setup ## Style, types
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy

unit: setup ## Tests that need no stack: rules, adapters, template, benchmarks
	$(RUN) pytest tests/functions tests/tools tests/repository

workflow: setup ## Tests against a deployed local stack of their own; what they used against what is allowed
	$(RUN) pytest tests/system/workflow
	$(RUN) pytest tests/system/permissions --require-record

.PHONY: reference adapters adapters-share
reference: setup tests/reference/node_modules/.locked ## The state machines by others' programs, in Node.js
	$(RUN) pytest tests/reference

tests/reference/node_modules/.locked: tests/reference/package-lock.json | .venv/.locked
	@$(RUN) npm ci --prefix tests/reference --ignore-scripts --no-audit --no-fund --silent
	@touch $@

adapters: setup ## The tests on moto once more, on MiniStack
	$(RUN) pytest tests/functions/moto --on-ministack

# 3.12 or 3.13, which localemu takes; another one: WITNESS_PYTHON=~/.pyenv/versions/3.12.1/bin/python3.
WITNESS_PYTHON = $(shell for each in python3.12 python3.13 python3; do \
  "$$each" -c 'import sys; sys.exit(not (3, 12) <= sys.version_info < (3, 14))' 2>/dev/null && echo "$$each" && break; done)
NO_WITNESS := the second engine needs Python 3.12 or 3.13 on the path, or in WITNESS_PYTHON

.PHONY: witness witness-share witness-alone
witness: witness-alone ## The workflow tests on a second engine, localemu: [ARGS="-k ..."]
	$(RUN) pytest tests/system/workflow --engine localemu $(ARGS)

witness-alone: setup .venv-witness/.locked tests/reference/node_modules/.locked
	$(RUN) pytest tests/system/witness

witness-share: setup ## What only that engine can tell (1.5 min), where there is Python 3.12 or 3.13
	@if test -n "$(WITNESS_PYTHON)"; then $(MAKE) --no-print-directory witness-alone; \
	  else echo "NOT RUN: $(NO_WITNESS)"; fi

.venv-witness/.locked: tools/witness/uv.lock | uv
	@test -n "$(WITNESS_PYTHON)" || { echo "NOT RUN: $(NO_WITNESS)"; exit 1; }
	@UV_PROJECT_ENVIRONMENT=$(CURDIR)/.venv-witness $(UV) sync --project tools/witness --frozen --quiet --python "$(WITNESS_PYTHON)"
	@touch $@

adapters-share: setup ## The share of `make adapters` that is part of `make test`: a seventh of it
	$(RUN) pytest --on-ministack $(addprefix tests/functions/moto/test_,dynamo.py repository.py refunds.py charges.py)

.PHONY: counts cost
counts: setup ## Measure anew what rentals use, into tools/measuring/cost/counts.json
	$(RUN) pytest tests/system/workflow/test_call_budgets.py --write-counts

cost: setup ## What 1,000 paid rentals cost, and a month at three sizes
	@$(RUN) python -m tools.measuring.cost

browser: setup ## Tests of the site in headless Chromium
	$(RUN) pytest tests/system/browser

bench: setup ## Measure, write docs/performance.md, fail on a missed goal: [KINDS="cold-start ..."]
	$(RUN) python -m tools.measuring.bench $(KINDS)

load: setup ## Customers against a local stack of their own: [USERS=8 SECONDS=60 SITE=https://...]
	$(RUN) --group load python -m tools.measuring.load --users $(or $(USERS),8) --seconds $(or $(SECONDS),60) $(if $(SITE),--site $(SITE))

screenshots: setup ## Picture every page and state of the site into .local/screenshots
	$(RUN) pytest tests/system/browser/test_accessibility.py -k "pages" --screenshots .local/screenshots
	@echo "Open .local/screenshots/index.html"

interleavings: setup ## Random interleavings, 2,000 steps; a month of `make year`; a small `make drop`; what is due at once
	$(RUN) pytest tests/search/interleavings
	$(RUN) pytest tests/search/year tests/search/due tests/search/drop

year: setup ## A year in the shop, until its books close (~10 min); writes docs/year.md and its picture
	$(RUN) pytest tests/search/year --days 365

.PHONY: scaling drop
scaling: setup ## What is full first as checkouts grow, and many due at once (~5 min); writes docs/scaling.md
	$(RUN) pytest tests/search/year tests/search/due --due 5000 --write-measured
	$(RUN) python -m tools.measuring.scaling

drop: setup ## 10,000 buyers for 500 units in a minute, by simulation (~5 min); writes docs/drop.md and its picture
	$(RUN) pytest tests/search/drop --buyers 10000

faults-share: setup ## The shares of `make faults`, `make fuzz` and `make attack` that are part of `make test`
	$(RUN) pytest tests/search/faults tests/search/fuzz "tests/search/hoarding/test_hoarding.py::test_what_is_left_for_customers[10]"

FAULTS_REPORT := docs/faults.md

faults: setup ## The whole fault matrix, all races, 50,000 steps of interleavings (~25 min); writes docs/faults.md
	@printf '%s\n' '# What `make faults` found' '' \
	  "On $$(date -u +%F), at commit $$(git rev-parse --short HEAD), on $$(nproc) cores." >$(FAULTS_REPORT)
	$(RUN) pytest tests/search/interleavings --steps 50000 --report $(FAULTS_REPORT)
	$(RUN) pytest tests/search/faults --all-faults --report $(FAULTS_REPORT)

.PHONY: attack
attack: setup ## What somebody can take without paying, from 1, 10 and 100 addresses; writes docs/abuse.md
	$(RUN) pytest tests/search/hoarding --report docs/abuse.md

.PHONY: fuzz
fuzz: setup ## Requests and signed events that nobody would think of: [MINUTES=10]
	$(RUN) pytest tests/search/fuzz --fuzz-seconds $$(($(or $(MINUTES),10) * 30))

package: setup .venv-sam/.locked ## What `sam build` makes, alone, and a rental on it
	$(RUN) pytest tests/system/package

deployment: setup .venv-sam/.locked ## The commands of README.md, Deploying, typed against the engine
	$(RUN) pytest tests/system/deploy

check-template: .venv-sam/.locked .venv-audit/.locked ## sam validate --lint, checkov
	AWS_DEFAULT_REGION=ap-southeast-1 SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam validate --lint
	.venv-audit/bin/checkov --config-file .checkov.yaml

.PHONY: combinations
combinations: setup ## How much of AWS's quotas each combination of parameters uses
	@$(RUN) python -m tests.repository.combinations

vulnerabilities: .venv-audit/.locked ## Known vulnerabilities of what ships (asks PyPI's database)
	.venv-audit/bin/pip-audit --requirement functions/requirements.txt --no-deps --disable-pip --strict

generate: setup ## Write anew what is made from something else: pictures in docs, what the package needs
	$(RUN) python -m tools.building.diagrams
	$(UV) export --frozen --no-dev --no-emit-project --prune boto3 --no-hashes --no-header --quiet \
	  --output-file functions/requirements.txt

##@ Deploy

build: setup .venv-sam/.locked ## Build what is deployed, and say what is in it
	$(RUN) python -m tools.building.build

ENV ?= dev
# Parameters for this time (PARAMETERS="ShiftReleases=false"), and more for sam (--profile ...).
PARAMETERS ?=
SAM_OPTIONS ?=
# Read from the environment, so that no shell reads what is in them.
export ENV PARAMETERS SAM_OPTIONS

deploy: build ## Deploy to AWS: ENV=dev or prod (samconfig.toml, docs/deploying.md)
	@SAM_CLI_TELEMETRY=0 $(RUN) python -m tools.building.release

delete: .venv-sam/.locked ## Take a stack down; its tables and the site's bucket stay, its logs go
	set -f; SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam delete --config-env "$$ENV" $$SAM_OPTIONS

##@ Set up

setup: .venv/.locked ## Install what uv.lock names into .venv/; `make run` needs a part of it

# Megabytes to download; tests/repository/test_requirements.py compares them with uv.lock.
RUN_MB := 45
ALL_MB := 250
# On a terminal, uv and pip show how far they are.
QUIET := $(shell test -t 2 || echo --quiet)

.venv/.run: uv.lock pyproject.toml | uv
	@echo "Installing what running needs: about $(RUN_MB) MB to download" >&2
	@$(UV) sync --frozen $(QUIET) --inexact --no-default-groups --group local
	@touch $@

.venv/.locked: uv.lock pyproject.toml | uv
	@echo "Installing what development needs: about $(ALL_MB) MB to download" >&2
	@$(UV) sync --frozen $(QUIET)
	@touch .venv/.run $@

# Tools whose dependencies don't go with the local stack's, locked in uv.lock as well.
.venv-sam/.locked .venv-audit/.locked: .venv-%/.locked: uv.lock pyproject.toml | uv
	@UV_PROJECT_ENVIRONMENT=.venv-$* $(UV) sync --frozen --quiet --only-group $*
	@touch $@

.PHONY: uv
uv:
	@command -v uv >/dev/null || test -x .uv/bin/uv || { \
	  echo "Fetching uv into .uv/"; \
	  python3 -m venv .uv && .uv/bin/pip install $(QUIET) --disable-pip-version-check 'uv>=0.13,<1'; }

hooks: setup ## Check every commit with pre-commit (.pre-commit-config.yaml)
	@$(RUN) pre-commit install

lock: | uv ## Resolve dependencies anew
	$(UV) lock --upgrade
	$(MAKE) generate

clean: ## Remove what was installed and cached
	rm -rf tests/reference/node_modules .venv .venv-sam .venv-audit .venv-witness .aws-sam .uv .local .mypy_cache .ruff_cache .pytest_cache .hypothesis
