# make run    sets everything up and starts Spanloom with its demo
# make test   the whole test suite, with what it needs
# make check  formatter, linter, types and the quick tests
# make setup  the set-up alone
# make python-versions  the instrumentation's tests on every CPython that is here

PYTHON ?= python3
MEMBERS := model storage dialects instrumentation agent collector query ui examples/shop allinone
PROJECTS := $(MEMBERS:%=%/pyproject.toml)
CLIENTS := .venv-clients/jaeger/.ready .venv-clients/zipkin/.ready tests/clients/js/node_modules/.ready
PAGES := $(shell find ui/islands ui/styles -type f) ui/package-lock.json ui/build.mjs ui/tsconfig.json

# Where the system has certificates of its own (a company's, say), they are the ones to trust.
ifneq (,$(wildcard /etc/ssl/certs/ca-certificates.crt))
export UV_SYSTEM_CERTS := 1
export NODE_EXTRA_CA_CERTS ?= /etc/ssl/certs/ca-certificates.crt
endif

.PHONY: setup run test check lock clean python-versions

run: setup
	@.venv/bin/spanloom run --demo $(ARGS)

setup: .venv/.ready ui/node_modules/.built

test: setup .venv/.test-ready $(CLIENTS)
	@scripts/chromium
	@scripts/check

check: setup .venv/.test-ready
	@scripts/check --quick

python-versions: .venv/.tools
	@scripts/python-versions

lock: .venv/.ready
	@scripts/lock

clean:
	rm -rf .venv .venv-clients .venv-python ui/node_modules tests/clients/js/node_modules ui/spanloom_ui/static/built

.venv/.tools: requirements/tools.txt
	@scripts/python-venv $(PYTHON)
	@touch $@

.venv/.ready: .venv/.tools requirements/run.txt $(PROJECTS)
	@echo "Installing Spanloom into .venv …"
	@.venv/bin/uv pip install --quiet --compile-bytecode --require-hashes -r requirements/run.txt
	@.venv/bin/uv pip install --quiet --no-deps --no-build-isolation $(MEMBERS:%=-e ./%)
	@echo "Compiling the kernels …"
	@.venv/bin/python -m spanloom_storage.kernels
	@touch $@

.venv/.test-ready: .venv/.ready requirements/test.txt
	@.venv/bin/uv pip install --quiet --compile-bytecode --require-hashes -r requirements/test.txt
	@touch $@

.venv-clients/%/.ready: requirements/clients-%.txt .venv/.tools
	@echo "Installing clients of other makers: $* …"
	@scripts/client-venv $*
	@touch $@

tests/clients/js/node_modules/.ready: tests/clients/js/package-lock.json .venv/.tools
	@echo "Installing clients of other makers: JavaScript …"
	@NPM_IN=tests/clients/js scripts/npm ci --silent --ignore-scripts
	@touch $@

ui/node_modules/.built: .venv/.ready $(PAGES)
	@echo "Building the pages …"
	@scripts/pages
	@touch $@
