# The newest that works: a shim of pyenv is there and refuses.
PYTHON ?= $(shell for version in 3.13 3.12 3.11; do \
	for found in python$$version "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version.*/bin/python3; do \
	"$$found" -c "import ensurepip, ssl, venv" 2>/dev/null && echo "$$found" && exit; done; done)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run demo test check lock bench footprint faults fuzz clean

run: $(VENV)/installed
	@exec $(BIN)/python manage.py up

demo: $(VENV)/installed
	@exec $(BIN)/python manage.py up --demo

test: $(VENV)/installed-dev
	@exec $(BIN)/python -m pytest -n auto --maxprocesses 4

check: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

bench: $(VENV)/installed-dev
	$(BIN)/python -m bench.ingest

footprint: $(VENV)/installed-dev
	$(BIN)/python -m bench.footprint

faults: $(VENV)/installed-dev
	$(BIN)/python -m tests.faults

fuzz: $(VENV)/installed-dev
	$(BIN)/python -m tests.api.fuzz

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -q pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -q pyproject.toml --group dev -o requirements-dev.lock

$(VENV)/python:
	@test -n "$(PYTHON)" || { echo "Install Python 3.11, 3.12 or 3.13 with its venv (Debian: apt install python3-venv)."; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/python requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check -q --require-hashes --no-deps -r requirements.lock
	@touch $@

$(VENV)/installed-dev: $(VENV)/python requirements-dev.lock
	$(BIN)/python -m pip install --disable-pip-version-check -q --require-hashes --no-deps -r requirements-dev.lock
	@touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) var
