# Everything a person or CI does with this project. `make` alone lists the targets.
# Needs: Linux, make, Python 3.11 or newer with pip. Nothing outside of this folder is changed.

PYTHON := $(shell for name in python3.11 python3.12 python3.13 python3; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$name; break; }; done)
BIN := .venv/bin
READY := .venv/.ready
PORT ?= 6333
DEMO_DIR := storage/demo
OLD_CLIENTS := 1.6.9 1.7.3
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup clients test unit demo stop bench faults lint warmup compose-test lock readme clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(READY) ## make .venv with everything in it, and find or fetch a Redis server

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer was found (tried python3.11, 3.12, 3.13, python3)"; exit 1; }
	@echo "setup: $$($(PYTHON) --version) ($(PYTHON)) into .venv"
	@rm -rf .venv
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 || { rm -rf .venv; \
		echo "setup: $(PYTHON) has no working venv module; taking virtualenv into .tools instead"; \
		$(PYTHON) -m pip install --quiet --target .tools virtualenv && \
		PYTHONPATH=.tools $(PYTHON) -m virtualenv --quiet .venv; }

$(READY): requirements.lock pyproject.toml | $(BIN)/python
	@echo "setup: installing the locked packages (a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --editable .
	@$(BIN)/python -m services.redis_fetch
	@touch $@

clients: setup ## install the official clients, old and new, that the contract tests speak through, into .clients
	@$(BIN)/python -m tests.contract.guide.install

test: lint clients ## all that CI runs: lint, types, import rules, every test
	@$(BIN)/shoal warmup # so that no test waits for a compiler
	$(BIN)/python -m pytest

unit: setup ## only the quick tests
	$(BIN)/python -m pytest tests/unit tests/test_tidy.py

lint: setup ## style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

demo: setup ## serve, load the sample, search it; leaves the server running on port 6333 (PORT=… for another)
	@$(BIN)/shoal demo --port $(PORT) --data-dir $(DEMO_DIR) $(if $(DATA),--data $(DATA))

stop: setup ## stop the server that `make demo` left running
	@$(BIN)/shoal stop --data-dir $(DEMO_DIR)

warmup: setup ## compile the search kernels into the cache
	$(BIN)/shoal warmup

bench: setup ## measure speed and recall
	$(BIN)/python -m benchmarks

faults: setup ## kill processes and break disks, and check that nothing acknowledged is lost
	$(BIN)/python -m pytest tests/faults -s --fault-rounds $(or $(ROUNDS),10) $(if $(SEED),--fault-seed $(SEED))

compose-test: setup ## bring up docker-compose.yml for real, search, kill a worker, scale, take it down
	$(BIN)/python tests/compose/run.py

lock: setup ## refresh requirements.lock from pyproject.toml, and the pins of the old clients
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra test --extra embedded \
		--no-emit-index-url --no-emit-find-links --no-header --output-file requirements.lock pyproject.toml
	for version in $(OLD_CLIENTS); do echo "qdrant-client==$$version" | $(BIN)/uv pip compile --quiet --universal \
		--python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
		--output-file tests/contract/guide/locks/python-$$version.txt - || exit 1; done

readme: setup ## write the settings table into README.md
	$(BIN)/python -m services.readme

clean: ## remove all that make made here, data of the demo included
	rm -rf .venv .tools .redis .clients .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache $(DEMO_DIR)
