# A thin face of CMake and tools/. `make` builds, `make test` tests, `make demo` shows.
PREFIX ?= /usr/local
PRESET ?= release
BUILD = build/$(PRESET)

all:
	tools/bootstrap
	tools/build $(PRESET)

demo: all
	tools/demo $(BUILD)/bin/assay

# Unit tests under the sanitizers, interop and end-to-end tests of the release build, the lint.
test:
	tools/test

lint:
	tools/bootstrap
	tools/bootstrap-test --lint
	tools/lint

# Uses what `make` built, so that root does not compile.
install:
	@test -x $(BUILD)/bin/assay || { echo "nothing is built yet: run make first" >&2; exit 1; }
	cmake --install $(BUILD) --prefix $(PREFIX)

bench: all
	tools/bootstrap-test
	tools/bench $(BUILD)/bin/assay

# FUZZ_SECONDS for each target of tests/fuzz.
fuzz:
	tools/bootstrap
	tools/fuzz

coverage:
	tools/bootstrap
	tools/bootstrap-test
	tools/coverage

clean:
	rm -rf build

.PHONY: all demo test lint install bench fuzz coverage clean
