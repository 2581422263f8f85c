# Makefile
#	Builds pg_ehds with PGXS, and runs the demo, the tests and the checks.
#
# make            builds against the PostgreSQL that is chosen below
# make install    installs into that PostgreSQL (the only target that does)
# make demo       plays the demo in a private cluster; make psql, make stop
# make test       regress, pgTAP, Perl TAP and unit tests on private clusters
# make help       lists the rest
#
# PG=17           takes another installed major of Debian's layout
# PG_CONFIG=path  takes any other installation
#
# This file must parse on a machine where PostgreSQL is not installed yet:
# demo and test install it first and then call make again.

SHELL = /bin/sh

# ---------------------------------------------------------------------------
# What the extension is made of
# ---------------------------------------------------------------------------

EXTENSION = pg_ehds
MODULE_big = pg_ehds
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" $(EXTENSION).control)

# The install script: the rooms' SQL, in layer order. The order is explicit
# because a part may use what the parts before it have made.
SQL_PARTS_ALL = \
	src/core/roles.sql \
	src/core/core.sql \
	src/kanon/kanon.sql \
	src/suppress/suppress.sql \
	src/additive/additive.sql \
	src/noise/noise.sql \
	src/total/total.sql \
	src/dp/dp.sql \
	src/dp/dp_words.sql \
	src/dp/quantiles.sql \
	src/dp/histogram.sql \
	src/dp/zcdp.sql \
	src/dp/mechanism.sql \
	src/dp/collect.sql \
	src/pseudonym/keyring.sql \
	src/pseudonym/pseudonym.sql \
	src/cellkey/cell_key.sql \
	src/catalog/tables.sql \
	src/catalog/labels.sql \
	src/catalog/protect.sql \
	src/catalog/model.sql \
	src/catalog/opposition.sql \
	src/catalog/compile.sql \
	src/catalog/amounts.sql \
	src/catalog/permit.sql \
	src/catalog/sealed.sql \
	src/catalog/cohort.sql \
	src/catalog/coarsening.sql \
	src/ledger/ledger.sql \
	src/gate/gate.sql \
	src/gate/marginals.sql \
	src/extract/extract.sql \
	src/extract/after_load.sql \
	src/extract/k_anonymity.sql \
	src/extract/doctor.sql \
	src/core/grants.sql
SQL_PARTS := $(foreach part,$(SQL_PARTS_ALL),$(wildcard $(part)))

DATA_built = $(EXTENSION)--$(EXTVERSION).sql
# updates, written by hand
DATA := $(wildcard $(EXTENSION)--*--*.sql)

OBJS := $(patsubst %.c,%.o,$(sort $(wildcard src/*/*.c)) $(wildcard src/*.c))

# sql/<name>.sql against expected/<name>.out, in this order
REGRESS = catalog kanon suppress additive dp pseudonym gate expressions

# A user whose compiler is newer than ours may say WERROR=no.
WERROR ?= yes
WARNINGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare $(if $(filter yes,$(WERROR)),-Werror)
PG_CPPFLAGS = -Isrc -MMD -MP
PG_CFLAGS = $(WARNINGS)
SHLIB_LINK = -lcrypto

# Bitcode for JIT inlining would need clang and gives these functions nothing.
override with_llvm = no

EXTRA_CLEAN = $(OBJS:.o=.d) .build-stamp

# ---------------------------------------------------------------------------
# Which PostgreSQL: PG_CONFIG, PG=major, or the newest that can be built against
# ---------------------------------------------------------------------------

PG_SUPPORTED = 18 17 16 15
PG_FOUND := $(firstword $(foreach v,$(or $(PG),$(PG_SUPPORTED)),\
	$(if $(wildcard /usr/lib/postgresql/$(v)/lib/pgxs/src/makefiles/pgxs.mk),$(v))))
ifndef PG_CONFIG
ifneq ($(PG_FOUND),)
PG_CONFIG := /usr/lib/postgresql/$(PG_FOUND)/bin/pg_config
else ifndef PG
PG_CONFIG := $(shell command -v pg_config)
endif
endif
PGXS := $(if $(PG_CONFIG),$(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null)))

export PG

.DEFAULT_GOAL = all

ifneq ($(PGXS),)
include $(PGXS)

$(DATA_built): $(SQL_PARTS) $(EXTENSION).control Makefile
	@{ printf '%s\n\n' '\echo Use "CREATE EXTENSION $(EXTENSION)" to load this file. \quit'; \
	   for part in $(SQL_PARTS); do printf -- '-- %s\n' "$$part"; cat "$$part"; echo; done; \
	} >$@.tmp && mv $@.tmp $@

# Permanent noise must be the same on each processor: no operations that are fused.
src/cellkey/ptable.o: private override CFLAGS += -ffp-contract=off

# Objects of another major, compiler or set of flags are not ours.
BUILD_ID = $(VERSION) $(MAJORVERSION) $(CC) $(CFLAGS) $(PG_CPPFLAGS)
.build-stamp: force-build-stamp
	@echo '$(subst ','\'',$(BUILD_ID))' | cmp -s - $@ || echo '$(subst ','\'',$(BUILD_ID))' >$@
$(OBJS): .build-stamp
.PHONY: force-build-stamp

-include $(OBJS:.o=.d)

else
# Nothing can be built yet, and these say what is missing.
all install installcheck clean:
	@echo "$(EXTENSION): no PostgreSQL $(or $(PG),15 or newer) with its server headers was found" >&2
	@echo "hint: make deps (as root, Debian), or PG_CONFIG=/path/to/pg_config" >&2
	@exit 1
endif

# ---------------------------------------------------------------------------
# Everything below runs on private copies and clusters (scripts/cluster.sh)
# ---------------------------------------------------------------------------

PERSONS ?= 20000
ROWS ?= 2000000
REMAKE = $(MAKE) --no-print-directory
# What deps.sh is to look for: nothing of PostgreSQL's if the user brings one.
DEPS = PG='$(if $(filter command environment,$(firstword $(origin PG_CONFIG))),none,$(or $(PG_FOUND),$(if $(PGXS),none,$(PG))))' scripts/deps.sh
export PERSONS OMOP ROWS REGRESS

help:
	@echo 'make            build                    make install   install into PG_CONFIG'
	@echo 'make demo       play the demo            make psql      psql in the demo cluster'
	@echo 'make stop       stop private clusters    make test      all tests'
	@echo 'make test-matrix  tests on 15, 17, 18    make lint      all checks'
	@echo 'make test-core  tests of PostgreSQL, with the library and without'
	@echo 'make audit      does the auditor of differential privacy find mutants?'
	@echo 'make bench      benchmarks               make format    clang-format -i'
	@echo 'make sanitize   tests under ASan, UBSan  make deps      install what is missing'
	@echo 'make clean      remove what was built    make distclean and the private clusters'
	@echo 'PG=17 or PG_CONFIG=path chooses the PostgreSQL; PERSONS=, OMOP=dir for the demo; ROWS= for bench'

deps:
	@$(DEPS) build test

# Build, and install into the private copy only.
private: all
	@scripts/cluster.sh install '$(PG_CONFIG)'

demo:
	@$(DEPS) build
	@$(REMAKE) -s demo-run
demo-run: private
	@scripts/demo.sh '$(PG_CONFIG)'

# Regression tests, pgTAP and Perl TAP with the extension built for ASan and UBSan.
sanitize:
	@$(DEPS) build test
	@scripts/sanitize.sh '$(PG_CONFIG)'

psql:
	@scripts/cluster.sh psql
stop:
	@scripts/cluster.sh stop all

test:
	@$(DEPS) build test
	@$(REMAKE) -s test-run
test-run: private
	@scripts/test.sh '$(PG_CONFIG)'

# PostgreSQL's own tests, with and without the library.
test-core:
	@$(DEPS) build core
	@$(REMAKE) -s test-core-run
test-core-run: private
	@scripts/test-core.sh '$(PG_CONFIG)'

# Does the auditor of differential privacy find what it is for?
audit:
	@$(DEPS) build test
	@$(REMAKE) -s audit-run
audit-run:
	@scripts/audit.sh '$(PG_CONFIG)'

test-matrix:
	@$(DEPS) matrix
	@scripts/matrix.sh

lint:
	@$(DEPS) build lint
	@$(REMAKE) -s lint-run
lint-run: all
	@scripts/lint.sh $(MODULE_big).so

format:
	@$(DEPS) lint
	@clang-format -i $$(find src test/unit -name '*.[ch]')

bench:
	@$(DEPS) build
	@$(REMAKE) -s bench-run
bench-run: private
	@scripts/bench.sh '$(PG_CONFIG)'

distclean:
	@scripts/cluster.sh destroy
	@$(if $(PGXS),$(REMAKE) clean)

.PHONY: help deps private demo demo-run psql stop test test-run audit audit-run test-core test-core-run test-matrix lint lint-run sanitize \
	format bench bench-run distclean
