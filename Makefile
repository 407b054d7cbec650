# make repro and make test set everything up by themselves; `make help` lists the rest.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup repro test unit lint format ui play fuzz bench screenshots lock results clean

VENV := .venv
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PORT ?= 5000
PLAY_PORT ?= 7860
PLAY_ARGS ?=
FUZZ_SECONDS ?= 60
BENCH_ARGS ?=
PYTEST_ARGS ?=

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
export ITERATIVE_DO_NOT_TRACK := 1
export MLFLOW_DISABLE_TELEMETRY := true
export GX_ANALYTICS_ENABLED := false
export PYTHONUTF8 := 1
export LOGNAME ?= $(shell id -un 2>/dev/null || id -u)

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'
	@echo "Variables: TORCH_INDEX_URL=<index of a torch build> (repro, test), PORT=<port> (ui), PLAY_PORT=<port> (play), EXTRAS=s3 (setup), PYTHON=<interpreter>, PYTEST_ARGS=<..>, BENCH_ARGS=<..>"

setup: $(VENV)/.runtime ## make .venv with the locked versions (the other targets do it when needed)

repro: $(VENV)/.runtime ## run the whole pipeline; only what changed runs again
	@python -m encdec.tracking.mend_lock
	ENCDEC_SUMMARY=later dvc repro
	@python -m encdec.tracking.report_runs data/07_report/index.html --ui http://127.0.0.1:$(PORT)
	@python -m encdec.report.terminal data/07_report/summary.md data/07_report/index.html

# Three at once on two cores: a third of their time the tests wait, for disks, servers and moments to kill at.
test: $(VENV)/.dev ## all tests: unit, data, pipeline, model, ui, fuzz (about 45 minutes on two cores)
	python -m pytest tests -n 3 --dist loadgroup $(PYTEST_ARGS)

unit: $(VENV)/.dev ## the fast unit tests alone
	python -m pytest tests/unit -n 2 $(PYTEST_ARGS)

lint: $(VENV)/.dev ## ruff, mypy, import rules, workflow files
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml
	zizmor --offline --no-progress .github

format: $(VENV)/.dev ## put the code into the project's form
	ruff check --fix .
	ruff format .

ui: $(VENV)/.runtime ## open the MLflow UI on 127.0.0.1 (PORT=5000)
	@test ! -f data/07_report/index.html || python -m encdec.tracking.report_runs data/07_report/index.html --ui http://127.0.0.1:$(PORT)
	@python -m encdec.tracking.ui --port $(PORT)

play: $(VENV)/.play ## try the trained models by hand, in a page on 127.0.0.1 (PLAY_PORT=7860)
	@python -m encdec.playground --port $(PLAY_PORT) $(PLAY_ARGS)

fuzz: $(VENV)/.dev ## fuzz every reader of foreign files, FUZZ_SECONDS=60 each
	@for harness in tests/fuzz/fuzz_*.py; do echo "$$harness" && python $$harness -max_total_time=$(FUZZ_SECONDS) || exit 1; done

bench: $(VENV)/.runtime ## measure training beside bare loops and other libraries (BENCH_ARGS="--model cnn"; benchmarks/README.md)
	@PYTHONPATH=src:. python -m benchmarks.training $(BENCH_ARGS)

screenshots: $(VENV)/.dev ## take the screenshots of docs/ from the runs of this clone (after make repro)
	python docs/screenshots.py

results: $(VENV)/.runtime ## write the table of results from the outs into README.md
	python -m encdec.report.readme README.md data/07_report/summary.md

lock: ## make both locks anew from pyproject.toml
	sh .ci/lock

clean: ## remove the environment, what tools left behind and the states of killed trainings; data and runs stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .work/checkpoints .work/studies

$(VENV)/.python:
	@command -v git >/dev/null 2>&1 || { echo "encdec needs git, and none was found: install git (https://git-scm.com) and try again." >&2; exit 1; }
	@test -n "$(PYTHON)" || { echo "encdec needs Python 3.11 or newer, and none was found: install it, or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "encdec needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name a newer one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) could not make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/.python
	@echo "Installing the locked versions into $(VENV) ..."
	@test -z "$(TORCH_INDEX_URL)" || python -m pip install -q --disable-pip-version-check --index-url "$(TORCH_INDEX_URL)" "$$(grep '^torch==' requirements.lock)"
	@python -m pip install -q --disable-pip-version-check -r requirements.lock
	@python -m pip install -q --disable-pip-version-check --no-deps -e .
	@test -z "$(EXTRAS)" || python -m pip install -q --disable-pip-version-check -c requirements.lock -c requirements-dev.lock -e ".[$(EXTRAS)]"
	@touch $@

$(VENV)/.play: requirements-dev.lock $(VENV)/.runtime
	@echo "Installing the playground's Gradio into $(VENV) ..."
	@python -m pip install -q --disable-pip-version-check -c requirements.lock -c requirements-dev.lock -e ".[play]"
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "Installing the locked development tools into $(VENV) ..."
	@python -m pip install -q --disable-pip-version-check -r requirements-dev.lock
	@touch $@
