# Everything there is to set up: `make run` starts Keyward, `make test` proves it.

CARGO ?= cargo
CACHE := .cache
# What a run of the tests leaves behind, until the next.
RUN := $(CURDIR)/$(CACHE)/run
PYTHON := $(CACHE)/venv/bin/python
NODE := $(CACHE)/node
ARGS ?=
SHELL := bash

.DEFAULT_GOAL := help
.PHONY: help run build test test-rust test-clients lint bench bench-directory bench-cognito clean
.DELETE_ON_ERROR:
.NOTPARALLEL:

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# A development build: it is ready in half the time of an optimised one (about 3 minutes on 2 cores, once).
# ARGS="--listen ..." adds flags.
run: ## Build Keyward and start it at http://localhost:8480, its data in ./data
	@scripts/need.sh cc
	$(CARGO) build --locked --package keyward
	@ln -sf keyward target/debug/vamscli
	target/debug/keyward serve $(ARGS)

build: ## Build the optimised program, target/release/keyward, also as vamscli
	@scripts/need.sh cc
	$(CARGO) build --locked --release --package keyward --features aws
	@ln -sf keyward target/release/vamscli

test: test-rust test-clients ## Run every test: Rust on SQLite and PostgreSQL, then Python and Node clients
	@echo "test: everything passed"

# moto, which stands for Amazon Cognito, comes with the Python clients.
test-rust: $(CACHE)/venv.done ## Run the Rust tests alone, and search what they wrote for secrets
	@scripts/need.sh cc curl jq postgresql
	rm -rf $(RUN) && mkdir -p $(RUN)/printed
	set -o pipefail; KEYWARD_TEST_RUN=$(RUN) $(CARGO) test --locked --workspace --features keyward/aws --no-fail-fast 2>&1 \
		| tee $(RUN)/printed/tests
	python3 tests/secrets.py $(RUN)

test-clients: $(CACHE)/venv.done $(CACHE)/node.done ## Run the tests with real clients alone (boto3, ...)
	@scripts/need.sh cc curl jq
	$(CARGO) build --locked --package keyward --features aws --bins --examples
	$(PYTHON) -m pytest tests/clients $(ARGS)

lint: ## Hold the code against rustfmt, clippy and the allowed licences
	@scripts/need.sh cc python
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --features keyward/aws -- --deny warnings
	python3 scripts/licences.py

bench: ## Measure key verification beside a bare route and better-auth (6 minutes)
	@scripts/need.sh cc node python wrk
	$(CARGO) build --locked --release --package keyward
	python3 bench/keys.py $(ARGS)

bench-directory: $(CACHE)/venv.done ## Measure what Keyward adds to calls to a pool in Amazon Cognito, on moto (1 minute)
	@scripts/need.sh cc python
	$(CARGO) build --locked --release --package keyward-aws --example directory
	$(PYTHON) bench/directory.py $(ARGS)

# Its emulators are downloaded and built once, to .cache/emulators.
bench-cognito: $(CACHE)/emulators.done ## Measure the Cognito protocol beside the open emulators (20 minutes)
	@scripts/need.sh cc node python wrk
	$(CARGO) build --locked --release --package keyward
	$(CARGO) build --locked --release --package keyward-core --example limits
	$(CACHE)/emulators/venv/bin/python bench/cognito.py $(ARGS)

include $(dir $(lastword $(MAKEFILE_LIST)))rawscribe.mk

clean: ## Remove what was built and downloaded; ./data stays
	$(CARGO) clean
	rm -rf $(CACHE) .pytest_cache bench/better-auth/node_modules

$(CACHE)/venv.done: tests/clients/requirements.txt
	@scripts/need.sh python
	python3 -m venv --clear $(CACHE)/venv
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(CACHE)/emulators.done: bench/emulators/requirements.txt bench/emulators/package.json bench/emulators/package-lock.json
	@scripts/need.sh cc node python
	mkdir -p $(CACHE)/emulators
	cp $^ $(CACHE)/emulators/
	python3 -m venv --clear $(CACHE)/emulators/venv
	$(CACHE)/emulators/venv/bin/pip install --quiet --disable-pip-version-check --requirement $<
	npm ci --prefix $(CACHE)/emulators --no-audit --no-fund --loglevel=error
	$(CARGO) install --locked --quiet --version 0.1.2 --root $(CACHE)/emulators/cognitox cognitox
	@touch $@

$(CACHE)/node.done: tests/clients/package.json tests/clients/package-lock.json
	@scripts/need.sh node
	mkdir -p $(NODE)
	cp $^ $(NODE)/
	npm ci --prefix $(NODE) --no-audit --no-fund --loglevel=error
	@touch $@
