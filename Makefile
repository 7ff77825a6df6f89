# Everything there is to do with this project. `make demo` and `make check` do their own set-up.

CARGO ?= cargo
DEMO  := target/demo
# Seconds that each fuzz target runs, and the longest input it makes.
FUZZ_SECONDS ?= 600
FUZZ_BYTES   ?= 65536
BIN   ?= target/release/retrohunt
# Where `make install` puts the program; DESTDIR is for packagers.
PREFIX  ?= /usr/local
DESTDIR ?=
# Where `make static` puts the program.
STATIC ?= target/static/retrohunt
MUSL   := $(shell uname -m)-unknown-linux-musl
GNU    := $(shell uname -m)-unknown-linux-gnu
SHARE   := $(DESTDIR)$(PREFIX)/share

# Where the Python packages of engines are; tests use them where they are there.
ENGINES := target/engines
# Where Spark is, and what builds of Spark Connect ask for.
SPARK := target/spark-python
PROTOC := $(SPARK)/bin/protoc
# Its packages of Python are missing, so that to import it fails.
HAS_SPARK = $(SPARK)/bin/python -c 'import importlib.util as i, sys; sys.exit(i.find_spec("pyspark") is None)' 2>/dev/null
RETROHUNT_PYTHON ?= $(if $(wildcard $(ENGINES)/bin/python),$(CURDIR)/$(ENGINES)/bin/python,python3)
export RETROHUNT_PYTHON

.PHONY: help setup build static install uninstall demo check fmt lint test test-web engines spark cluster test-cluster doc bench compare accept fuzz clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## Fetch what a build needs: the tool chain's components and the locked packages
	@command -v $(CARGO) >/dev/null || { echo 'cargo is missing: install Rust' >&2; exit 1; }
	@command -v cc >/dev/null || { echo 'a C compiler is missing: apt-get install gcc libc6-dev' >&2; exit 1; }
	@cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
	@cargo clippy --version >/dev/null 2>&1 || rustup component add clippy
	@$(CARGO) fetch --locked --quiet

build: setup ## Build the optimised program
	$(CARGO) build --release --locked --quiet

# musl needs Rust's target and its own C compiler: rustup target add x86_64-unknown-linux-musl, apt-get install musl-tools. The target is named for
# glibc too, so that what runs while it is built is not made static.
static: setup ## Build the program without shared libraries, for any Linux: with musl where its target is installed, else with glibc
	@if test -d "$$(rustc --print sysroot)/lib/rustlib/$(MUSL)" && command -v musl-gcc >/dev/null; then \
	  libc=musl target=$(MUSL) flags=; \
	else \
	  libc=glibc target=$(GNU) flags='-C target-feature=+crt-static'; \
	fi; \
	env CC_$$(echo $(MUSL) | tr - _)=musl-gcc RUSTFLAGS="$$flags" $(CARGO) build --release --locked --quiet --target $$target && \
	install -D -m 755 "$${CARGO_TARGET_DIR:-target}/$$target/release/retrohunt" $(STATIC) && \
	if readelf -l $(STATIC) | grep -q INTERP; then echo '$(STATIC) needs shared libraries' >&2; exit 1; fi && \
	$(STATIC) --version && echo "$(STATIC): static, with $$libc"

# The program is built only where it is missing, so that root needs no tool chain: make build && sudo make install
install: ## Install the program, manual pages and shell completions below PREFIX (/usr/local)
	@test -x $(BIN) || $(MAKE) --no-print-directory build
	install -d $(DESTDIR)$(PREFIX)/bin $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions $(SHARE)/fish/vendor_completions.d
	install -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/retrohunt
	$(BIN) man $(SHARE)/man/man1 --quiet
	$(BIN) completions bash > $(SHARE)/bash-completion/completions/retrohunt
	$(BIN) completions zsh > $(SHARE)/zsh/site-functions/_retrohunt
	$(BIN) completions fish > $(SHARE)/fish/vendor_completions.d/retrohunt.fish

uninstall: ## Remove what `make install` put there
	rm -f $(DESTDIR)$(PREFIX)/bin/retrohunt $(SHARE)/man/man1/retrohunt.1 $(SHARE)/man/man1/retrohunt-*.1
	rm -f $(SHARE)/bash-completion/completions/retrohunt $(SHARE)/zsh/site-functions/_retrohunt $(SHARE)/fish/vendor_completions.d/retrohunt.fish

demo: build ## Load the sample, hunt with the rules of this folder, show what was found
	@CARGO_TARGET_DIR=target tests/demo.sh $(BIN) $(DEMO)

check: setup fmt lint test doc ## Everything that must hold: format, lints, tests, documentation

fmt: ## Check the format
	$(CARGO) fmt --check

lint: ## Check with clippy, warnings are errors; the library also without the program
	$(CARGO) clippy --locked --all-targets --quiet -- -D warnings
	$(CARGO) clippy --locked --lib --no-default-features --quiet -- -D warnings

test: ## Run every test, the rules about the code itself included
	$(CARGO) test --locked --quiet

test-web: build ## Open reports in a headless Chromium and use them; says so where none is installed
	@if command -v python3 >/dev/null; then python3 tests/web/run.py $(BIN) target/web; else echo 'skipped: python3 is not installed'; fi

engines: ## Install the Python packages of the engines that tests use (DuckDB, ClickHouse) below target/engines; says so where it cannot
	@test -x $(ENGINES)/bin/python || python3 -m venv $(ENGINES) 2>/dev/null || { echo 'skipped: python3 with venv is not installed'; exit 0; }; \
	$(ENGINES)/bin/pip install --quiet --disable-pip-version-check duckdb chdb || echo 'skipped: the packages duckdb and chdb cannot be installed'

cluster: ## Start a standalone Spark on the loopback (master, two workers, Connect server): its port is in target/cluster/port
	@$(MAKE) --no-print-directory spark; tests/cluster/start.sh target/cluster $(CURDIR)/$(SPARK)/bin/python

# Of pyspark only the jars are needed. The packages of Spark Connect are made of what protoc reads: that of a Python package serves.
spark:
	@test -x $(SPARK)/bin/python || python3 -m venv $(SPARK); \
	$(HAS_SPARK) || $(SPARK)/bin/pip install --quiet --disable-pip-version-check --no-deps pyspark; \
	command -v protoc >/dev/null || $(SPARK)/bin/python -c 'import grpc_tools' 2>/dev/null || \
	  $(SPARK)/bin/pip install --quiet --disable-pip-version-check grpcio-tools; \
	own=protoc; command -v protoc >/dev/null || own='"$(CURDIR)/$(SPARK)/bin/python" -m grpc_tools.protoc'; \
	printf '#!/bin/sh\nexec %s "$$@"\n' "$$own" > $(PROTOC) && chmod +x $(PROTOC)

# In the folder of other builds, whose packages it needs too; the program is put aside because the next of them replaces it.
test-cluster: setup ## Start a cluster, run the tests with Spark, stop it; needs Java, and says so where it or a package is missing
	@command -v java >/dev/null || { echo 'skipped: java is not installed (apt-get install default-jre-headless)'; exit 0; }; \
	trap 'tests/cluster/stop.sh target/cluster' EXIT INT TERM; \
	$(MAKE) --no-print-directory spark; \
	$(HAS_SPARK) || { echo 'skipped: the package pyspark cannot be installed'; exit 0; }; \
	$(PROTOC) --version >/dev/null 2>&1 || { echo 'skipped: protoc cannot be installed'; exit 0; }; \
	PROTOC=$(CURDIR)/$(PROTOC) $(CARGO) build --locked --quiet --features spark --bin retrohunt && \
	install -D -m 755 $${CARGO_TARGET_DIR:-target}/debug/retrohunt target/cluster/retrohunt && \
	$(MAKE) --no-print-directory cluster && \
	RETROHUNT_PYTHON=$(CURDIR)/$(SPARK)/bin/python RETROHUNT_SPARK=sc://127.0.0.1:$$(cat target/cluster/port) \
	  RETROHUNT_SPARK_FOLDER=$(CURDIR)/target/cluster RETROHUNT_SPARK_PROGRAM=$(CURDIR)/target/cluster/retrohunt \
	  $(CARGO) test --locked --test it -- remote::spark --nocapture

doc: ## Check that the documentation builds without a warning
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --quiet

bench: build ## Measure load and hunt, alone and beside other programs; writes docs/benchmarks.md, docs/scaling.md (BENCH='PART…': some parts)
	$(CARGO) bench --locked --bench whole -- $(BENCH)

compare: ## Hold hunt, portable SQL and an evaluator against each other: all Sigma rules and Splunk detections over all archives
	$(CARGO) bench --locked --bench compare -- $(COMPARE)

accept: ## Rewrite the expected outputs of the tests from what they give now
	INSTA_UPDATE=always RETROHUNT_ACCEPT=1 $(CARGO) test --locked --quiet

fuzz: ## Run every fuzz target for FUZZ_SECONDS (nightly tool chain, cargo-fuzz; see fuzz/README.md)
	@cargo fuzz --version >/dev/null 2>&1 || { echo 'cargo-fuzz is missing: cargo install cargo-fuzz --locked' >&2; exit 1; }
	RETROHUNT_FUZZ_CORPUS=$(CURDIR)/fuzz/corpus $(CARGO) test --locked --quiet --test it property::never_panics::seeds_hold
	cd fuzz && for target in $$(cargo fuzz list); do \
	  echo "$$target:"; \
	  cargo fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) -max_len=$(FUZZ_BYTES) -timeout=20 -rss_limit_mb=1500 || exit 1; \
	done

clean: ## Remove what was built
	$(CARGO) clean
