# Everything a person or CI runs. `make help` lists it. Needs git, make and python3; `make prerequisites` installs the rest.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help prerequisites tools demo test lint bundle unit lab bench drills lock clean

CITY ?= inventories/demo
UV_VERSION := 0.13.9
VENV := .venv
READY := $(VENV)/.ready
PYTHON := $(VENV)/bin/python
PYTEST := $(PYTHON) -m pytest
REPORTS := reports
# What building a bundle and booting nine hosts from nothing may take; a test of its own is bound by pyproject.toml.
LAB_TIMEOUT := 3600
# Tools of the virtual environment before those of the machine.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

# $(call stage,NAME,COMMAND): runs it, keeps its output in reports/NAME.log and its time in reports/times.
stage = @mkdir -p $(REPORTS); printf '\n== $(1)\n'; began=$$SECONDS; code=0; \
	{ $(2); } 2>&1 | tee $(REPORTS)/$(1).log || code=$$?; \
	printf '%-14s %4d s\n' '$(1)' $$((SECONDS - began)) | tee -a $(REPORTS)/times; exit $$code

help: ## List what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/make \1|\2/' | column -t -s '|'

prerequisites: ## Install the Debian packages that the control node lacks (root)
	@python3 infra/bundle/prerequisites.py --missing >/dev/null || python3 infra/bundle/prerequisites.py --install

tools: ## Install the Debian packages that only lab and browser tests need (root)
	@python3 infra/bundle/prerequisites.py --tests --missing >/dev/null \
		|| python3 infra/bundle/prerequisites.py --tests --install

demo: prerequisites $(READY) ## Bring the demo city up, verified, and print the addresses of its pages (root)
	@$(VENV)/bin/vigie up $(CITY)

test: ## Everything that a change must pass: lint, unit tests, one pass over the lab (root)
	@rm -f $(REPORTS)/times
	@VIGIE_NO_SKIP=1 $(MAKE) --no-print-directory tools lint bundle unit lab
	@printf '\n== times\n'; cat $(REPORTS)/times
	@for name in unit lab; do grep -hE '^=+ .*(passed|failed|skipped).* =+$$' $(REPORTS)/$$name.log | tail -n 1; done

lint: $(READY) ## Format, types, imports, YAML, playbooks, shell, generated pages
	$(call stage,lint,$(LINT))

LINT = ruff check . \
	&& ruff format --check . \
	&& mypy \
	&& lint-imports \
	&& yamllint --strict . \
	&& (cd playbooks && ansible-lint --offline --profile production) \
	&& git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck \
	&& diff --unified docs/metrics.md <($(PYTHON) -m vigie.metrics)

bundle: prerequisites $(READY) ## Build what hosts need without internet (root)
	$(call stage,bundle,$(VENV)/bin/vigie bundle)

unit: $(READY) ## Tests that need no host
	$(call stage,unit,$(PYTEST) tests/unit)

lab: tools $(READY) ## The demo city in a lab: up, interrupted, verified, drifted, repaired, down (root)
	$(call stage,lab,$(PYTEST) tests/lab tests/browser -m lab --timeout=$(LAB_TIMEOUT))

bench: $(READY) ## Measure what the design promises in seconds
	$(call stage,bench,$(PYTEST) tests/bench -s)

drills: tools $(READY) ## Break the lab on purpose, with deadlines (root)
	$(call stage,drills,$(PYTEST) tests/drills -m lab --timeout=$(LAB_TIMEOUT))

# Lock files without the hosts of a registry: which one is asked is the machine's own setting.
COMPILE = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

lock: $(READY) ## Renew requirements/ after a change of pyproject.toml (LOCK_FLAGS=--upgrade for newer versions)
	$(COMPILE) $(LOCK_FLAGS) pyproject.toml --output-file requirements/hosts.txt
	$(COMPILE) $(LOCK_FLAGS) pyproject.toml --extra control --group dev --constraint requirements/hosts.txt \
		--output-file requirements/control.txt

clean: ## Remove what was built inside the checkout; cities, state and cache stay
	rm -rf $(VENV) $(REPORTS) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .ansible dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml requirements/control.txt Makefile
	@python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'python3 is older than 3.11 or lacks venv: run `make prerequisites` as root' >&2; exit 1; }
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(VENV)/bin/uv pip install --quiet --python $(PYTHON) --require-hashes --requirement requirements/control.txt
	$(VENV)/bin/uv pip install --quiet --python $(PYTHON) --no-deps --editable .
	@touch $(READY)
