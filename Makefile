# The front of the house: `make run` and `make test` do everything on a fresh Debian 12.
#: make run             build, start with demo traffic, print where to look
#: make build           dev build: build/tidemark
#: make test            build, then unit, simulation, SQL, crash and end-to-end tests
#: make test-quick      unit tests and a short simulation [T=wal: one folder]
#: make sim             simulate from a random base [SEEDS=n | SEED=k to replay one]
#: make mutants         every planted bug must be found by the simulation [BUG=n: one of the core's]
#: make crash           kill -9 loop on the real process [KILLS=30]
#: make services       other engines and their own suites against the server (RCK, PyIceberg, DuckDB, Polars, Spark, Trino, PostgreSQL)
#: make long            what takes minutes: OpenAPI with 200 examples an operation [PART=1/4: a quarter of them], SDKs for 60 s
#: make soak            several engines change the events table at once, Spark too [SECONDS=180]
#: make bench           release build, measured scenarios, the tables of docs/benchmarks.md and README.md
#: make asan, make tsan unit and simulation under sanitizers
#: make fuzz           every fuzz target for 60 s, with clang, two at a time on two cores [SECONDS=n] [T=json_events: one]
#: make fmt, make lint  format; layers, house rules, clang-tidy on changed files [ALL=1]
#: make docs            regenerate references, check links
#: make clean           remove the build folder
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
JOBS ?= $(shell nproc)
PRESET ?= dev
PORT ?= 8080
T ?=
KILLS ?= 30

.PHONY: help run build release deps venv test test-quick test-all sim crash services long soak mutants bench asan tsan fuzz fmt lint docs clean
help:
	@sed -n 's/^#: //p' Makefile

deps:
	@tools/deps.sh

build/%/build.ninja: CMakeLists.txt CMakePresets.json | deps
	@cmake --preset $* >build-$*.log 2>&1 || { cat build-$*.log; rm -f build-$*.log; exit 1; }; rm -f build-$*.log

build: deps build/$(PRESET)/build.ninja
	@ninja -C build/$(PRESET) -j$(JOBS) --quiet
	@ln -sfn $(PRESET)/tidemark build/tidemark

release:
	@$(MAKE) --no-print-directory build PRESET=release

venv:
	@tools/venv.sh

run: build venv
	@tools/run.sh build/tidemark $(PORT)

test: build venv
	@tools/test.py --build build/dev

test-all: test asan tsan

test-quick: build
	@tools/test.py --build build/dev --only unit $(if $(T),--folder $(T))
	@$(if $(T),,build/dev/tests/tm_core_sim --seeds=500 --gtest_brief=1)

sim: build
	@build/dev/tests/tm_core_sim $(if $(SEED),--seed=$(SEED),--seeds=$(or $(SEEDS),20000) --random-base)

mutants: build
	@$(if $(BUG),,build/dev/tests/tm_wal_mutants)
	@build/dev/tests/tm_core_mutants $(if $(BUG),--bug=$(BUG))

crash: build venv
	@.venv/bin/python -m pytest -q tests/crash --kills=$(KILLS)

services: build venv
	@TM_NIGHTLY=1 .venv/bin/python -m pytest -q tests/services

long: build venv
	@TM_OPENAPI_EXAMPLES=200 TM_OPENAPI_PART=$(or $(PART),1/1) TM_SDK_SECONDS=60 .venv/bin/python -m pytest -q tests/e2e/test_openapi.py tests/sdk/test_retries.py

soak: build venv
	@TM_SOAK_SECONDS=$(or $(SECONDS),180) TM_NIGHTLY=1 .venv/bin/python -m pytest -q -s tests/services/test_soak.py

bench: release venv
	@ninja -C build/release -j$(JOBS) --quiet http_floor
	@.venv/bin/python bench/run.py --binary build/release/tidemark --table

asan tsan:
	@$(MAKE) --no-print-directory deps build/$@/build.ninja
	@ninja -C build/$@ -j$(JOBS) --quiet
	@tools/test.py --build build/$@ --only unit,sim

fuzz: deps
	@tools/fuzz.sh $(or $(SECONDS),60) $(T)

fmt:
	@git ls-files -co --exclude-standard 'src/*.h' 'src/*.cc' 'tests/*.h' 'tests/*.cc' 'bench/*.cc' | xargs clang-format-19 -i

lint: build
	@python3 tools/layers.py
	@python3 tools/tidy.py
	@tools/lint.sh $(if $(ALL),all,changed)

docs: build
	@python3 tools/docs.py

clean:
	@rm -rf build
