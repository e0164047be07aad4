# The interface of the project: `make` prints what it can do. CI runs `.ci/run`.
PYTHON ?= python3.11
BIN := .venv/bin
# What is built on the way keeps to the constraints too; --constraint alone does not reach it.
INSTALL := $(BIN)/pip install -q -c constraints.txt --build-constraint constraints.txt
BUILD := $(BIN)/python -m build -q --dependency-constraints-txt constraints.txt
GENERATED := client/tihua/v1
# A process of tests for each core, but no more than memory bears: each takes 1 to 4 GB.
PARALLEL := --numprocesses auto --maxprocesses 4 --dist worksteal

.DEFAULT_GOAL := help
# Every target that `help` prints.
.PHONY: $(shell sed -nE 's/^([a-z-]+):.*## .*/\1/p' $(MAKEFILE_LIST))

help: ## Print the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: .venv/.installed ## Make the environment in .venv, with all that is needed
.venv/.installed: pyproject.toml server/pyproject.toml constraints.txt .ci/setup
	PYTHON=$(PYTHON) sh .ci/setup
	@touch $@

demo: install ## Ingest the sample gallery, search it by poem and picture, draw contact sheets
	$(BIN)/tihua-server demo

serve: install ## Run a server on localhost:50051 with the packaged model and an embedded store
	$(BIN)/tihua-server

gateway: .venv/.gateway ## Run Envoy beside a server: HTTP/JSON and gRPC-Web on localhost:8080; docs/http.md
	deploy/envoy/gateway

.venv/.gateway: .venv/.installed
	$(INSTALL) --group gateway && touch $@

test: install ## Run the tests: units in seconds, then store, model and a real server
	$(BIN)/pytest $(PARALLEL)

test-slow: install ## Run the tests that take minutes and gigabytes: the large architectures
	$(BIN)/pytest -m slow

test-gateway: .venv/.gateway ## Run the tests of HTTP/JSON and gRPC-Web: curl's way and a browser's
	$(BIN)/pytest -m gateway tests/gateway

test-milvus: .venv/.milvus ## Run the tests of store, services, reindex and two replicas on a real Milvus 2.3.5, started and stopped here
	$(BIN)/pytest -m milvus tests/store tests/replicas $(addprefix tests/e2e/,test_services.py \
		test_searching.py test_collections.py test_items.py test_bad_requests.py test_copy.py reindex)

test-polyglot: install ## Build the clients in other languages and compare them with Python's; docs/clients.md
	$(BIN)/pytest -m polyglot tests/polyglot

.venv/.milvus: .venv/.installed
	$(INSTALL) --group milvus && touch $@

eval: install ## Measure how well pictures are found, through a running service; docs/retrieval.md
	PYTHONPATH=tests:tests/support $(BIN)/python -m bench.retrieval \
	    $(addprefix --precision ,$(PRECISIONS)) $(FLAGS)

bench: .venv/.bench ## Measure speed against the tutorial and peers, an hour; docs/benchmarks.md
	PYTHONPATH=tests:tests/support $(BIN)/python -m bench $(FLAGS)

bench-gpu: .venv/.bench ## Measure what a GPU gives, where there is one
	PYTHONPATH=tests:tests/support $(BIN)/python -m bench.gpu $(FLAGS)

fuzz: .venv/.fuzz ## Attack a server with random and broken input: a minute of the same, or SECONDS=3600 of other; docs/security.md
	PYTHONPATH=tests:tests/support $(BIN)/python -m fuzz \
	    $(if $(SECONDS),--seconds $(SECONDS),--rounds 8) $(FLAGS)

.venv/.fuzz: .venv/.installed
	$(INSTALL) --group fuzz && touch $@

chaos: .venv/.milvus ## Kill, hang and fill up every part; show that nothing acknowledged is lost
	PYTHONPATH=tests:tests/support $(BIN)/python -m chaos $(addprefix --scale ,$(SCALE)) \
	    $(addprefix --fault ,$(FAULTS)) $(addprefix --seed ,$(SEED)) $(FLAGS)

.venv/.bench: .venv/.installed
	$(INSTALL) -e '.[sheet]' -e './server[int8]' --group bench && touch $@

protos: install .venv-codegen/.installed ## Regenerate client/tihua/v1 from protos/
	PATH="$(CURDIR)/.venv-codegen/bin:$$PATH" sh protos/generate $(GENERATED)
.venv-codegen/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-codegen && .venv-codegen/bin/pip install -q 'pip>=25.1'
	.venv-codegen/bin/pip install -q --group codegen && touch $@

protos-check: protos ## Prove that the committed code is what protos/ generate
	git diff --exit-code -- $(GENERATED) protos && test -z "$$(git status --porcelain $(GENERATED))"

stubs: client/node/node_modules ## Regenerate the code of the other languages in client/; Debian 12's generators
	sh protos/stubs client
client/node/node_modules: client/node/package-lock.json
	npm ci --silent --ignore-scripts --prefix client/node && touch $@

docs: install ## Write into the documents the lines of the example programs, into the manifest the alerts
	$(BIN)/python docs/excerpts

format: install ## Format code and protos
	$(BIN)/ruff format && $(BIN)/ruff check --fix-only -q && $(BIN)/buf format -w protos

lint: install ## Check format, style, layers and protos
	$(BIN)/buf lint protos && $(BIN)/buf format -d --exit-code protos
	$(BIN)/ruff format --check && $(BIN)/ruff check && $(BIN)/lint-imports

types: install ## Check types
	$(BIN)/mypy

build: install ## Build client and server, and try the wheels in clean environments
	rm -rf dist && $(BUILD) && $(BUILD) -o dist server
	sh protos/release dist
	$(BIN)/pytest tests/install -m install

check: protos-check lint types test test-gateway test-milvus test-polyglot fuzz build ## All of it; CI runs this and the demo

clean: ## Remove what was built here; the environment and the data stay
	rm -rf dist out .mypy_cache .ruff_cache .pytest_cache .hypothesis
