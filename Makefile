# Two commands: `make run` opens Quorum, `make test` proves it. Both set everything up first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode
TORCH  := torch>=2.13,<3

.PHONY: run test quick check format clean

run: $(VENV)/.ready ## set up and open the dashboard
	@$(BIN)/quorum serve || test $$? -eq 130 # Ctrl-C is how it ends

test: check ## set up, check the code and run every test
	$(BIN)/python -m pytest -n 2 --dist loadgroup

quick: $(VENV)/.ready-dev ## style, imports and the tests of the rooms in which something changed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	@tests="$$($(BIN)/python -m tests.changed)" && echo $$tests && \
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not browser and not postgres" $$tests

check: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.ready-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/.ready: pyproject.toml package.json package-lock.json web/assets.py
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Quorum needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	@echo "Installing torch: the CPU build where there is no GPU"
	$(BIN)/python -c 'import torch' 2>/dev/null || $(UV) --torch-backend=auto '$(TORCH)' 2>/dev/null || $(BIN)/python -m pip install --quiet 'torch==2.13.0'
	@echo "Installing Quorum and the libraries it stands on"
	$(UV) --editable .
	$(BIN)/python -m web.assets
	@echo "Compiling the loops"
	$(BIN)/python -m trading.warmup
	touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	$(UV) --editable '.[dev]'
	touch $@

clean: ## remove what set-up made; var/ (your data) stays
	rm -rf $(VENV) node_modules web/static/vendor
