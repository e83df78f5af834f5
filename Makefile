# Two commands do everything on a machine with python 3.11 to 3.13 and make:
#   make demo   trains a character model on the Python standard library, then prints what it writes
#   make test   lints, type-checks, checks the imports and runs the tests, those of the C++ side too
# PYTHON=/path/to/python chooses the interpreter that .venv is made from.

SUPPORTED := (3, 11) <= sys.version_info[:2] <= (3, 13)
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	if $$name -c 'import sys; sys.exit(not ($(SUPPORTED)))' 2>/dev/null; then echo $$name; break; fi; done)

BIN := .venv/bin
READY := .venv/ready
NATIVE := CMakeLists.txt $(wildcard csrc/*.cpp csrc/*.h)
PIP_OPTIONS := --disable-pip-version-check --no-input
TORCH ?= $(shell sed -n 's/^torch==//p' requirements.lock)

.PHONY: setup test test-native test-aarch64 demo format lock clean python
.DELETE_ON_ERROR:

setup: $(READY)

# The cache of lint-imports misses that an import leads to a module made since.
test: setup test-native
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/pyright
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -n auto --maxprocesses=8 --dist=worksteal

# The C++ side alone: as it is, and under the sanitizers of memory, undefined behaviour and races.
# Where addresses are very random, GCC's thread sanitizer finds no room for its own.
NO_RANDOM_ADDRESSES := $(shell [ "$$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0)" -gt 28 ] && echo setarch -R)

test-native: setup
	$(call build-native,plain,)
	$(call build-native,address,-DOSTINATO_SANITIZE=address$(comma)undefined)
	$(call build-native,thread,-DOSTINATO_SANITIZE=thread)
	build/native/plain/native_test
	build/native/address/native_test --quick
	$(NO_RANDOM_ADDRESSES) build/native/thread/native_test --quick threads

# The same for AArch64, compiled here and run by QEMU.
AARCH64 := aarch64-linux-gnu-g++
QEMU ?= $(shell command -v qemu-aarch64-static || command -v qemu-aarch64)

test-aarch64: setup
	@command -v $(AARCH64) > /dev/null || { echo 'error: $(AARCH64) was not found; install it (on Debian and Ubuntu: apt install g++-aarch64-linux-gnu)' >&2; exit 2; }
	@[ -n '$(QEMU)' ] || { echo 'error: qemu-aarch64 was not found; install it (on Debian and Ubuntu: apt install qemu-user-static), or name it: make test-aarch64 QEMU=/path/to/it' >&2; exit 2; }
	$(call build-native,aarch64,-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=$(AARCH64) -DCMAKE_EXE_LINKER_FLAGS=-static)
	$(QEMU) build/native/aarch64/native_test --quick

comma := ,
define build-native
$(BIN)/cmake -S . -B build/native/$(1) -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja -DOSTINATO_TESTS=ON $(2) > /dev/null
$(BIN)/ninja -C build/native/$(1) --quiet
endef

demo: setup
	$(BIN)/ostinato train stdlib --run runs/demo --force
	$(BIN)/ostinato generate runs/demo --length 600 --prompt "def "
	@echo 'look inside it: $(BIN)/ostinato serve runs/demo --open'

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
