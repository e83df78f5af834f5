# Two commands do everything on a machine with python 3.11 to 3.13 and make:
#   make demo   trains a character model on the Python standard library, then prints what it writes
#   make test   lints, type-checks, checks the imports and runs the tests
# PYTHON=/path/to/python chooses the interpreter that .venv is made from.

SUPPORTED := (3, 11) <= sys.version_info[:2] <= (3, 13)
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	if $$name -c 'import sys; sys.exit(not ($(SUPPORTED)))' 2>/dev/null; then echo $$name; break; fi; done)

BIN := .venv/bin
READY := .venv/ready
NATIVE := CMakeLists.txt $(wildcard csrc/*.cpp csrc/*.h)
PIP_OPTIONS := --disable-pip-version-check --no-input
TORCH ?= $(shell sed -n 's/^torch==//p' requirements.lock)

.PHONY: setup test demo format lock clean python
.DELETE_ON_ERROR:

setup: $(READY)

# The cache of lint-imports misses that an import leads to a module made since.
test: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/pyright
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -n auto --maxprocesses=8 --dist=worksteal

demo: setup
	$(BIN)/ostinato train stdlib --run runs/demo --force
	$(BIN)/ostinato generate runs/demo --length 600 --prompt "def "

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

$(READY): requirements.lock pyproject.toml src/ostinato/__init__.py $(NATIVE) | python
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install $(PIP_OPTIONS) -r requirements.lock
	$(BIN)/python -m pip install $(PIP_OPTIONS) --no-deps --no-build-isolation -e .
	@touch $@

# The pins of every package of the extras `all` and `dev`. The CUDA packages that some builds of
# torch ask for are left out: pip adds them where the build needs them.
lock: python
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install $(PIP_OPTIONS) '.[all,dev]' 'torch==$(TORCH)'
	{ echo '# Made by `make lock`; torch is chosen with `make lock TORCH=version`.'; \
	  .venv-lock/bin/python -m pip freeze --all --exclude pip --exclude ostinato \
	  | sed 's/+[a-z0-9.]*$$//' | grep -vE '^(nvidia-|cuda-|triton==)'; } > requirements.lock.new
	mv requirements.lock.new requirements.lock
	rm -rf .venv-lock

clean:
	rm -rf .venv .venv-lock build dist .pytest_cache .ruff_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

python:
	@[ -n '$(PYTHON)' ] || { echo 'error: no python 3.11, 3.12 or 3.13 was found; install one, or name it: make PYTHON=/path/to/python' >&2; exit 2; }
	@'$(PYTHON)' -c 'import sys; sys.exit(not ($(SUPPORTED)))' 2>/dev/null || { version="$$('$(PYTHON)' --version 2>/dev/null)"; \
	  echo "error: $(PYTHON) is $${version:-no python}; expected python 3.11, 3.12 or 3.13: make PYTHON=/path/to/python" >&2; exit 2; }
	@'$(PYTHON)' -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo 'error: $(PYTHON) cannot make virtual environments; install its venv package (on Debian and Ubuntu: apt install python3-venv)' >&2; exit 2; }
