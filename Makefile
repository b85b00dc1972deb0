# The order service. `make help` lists the targets.
VERSION := 0.1.0

CC      ?= cc
BUILD   ?= build
WORKER  ?= cgi/orders.fcgi
PKGS    := libcurl libpq json-c talloc expat libcrypto
LIBS    := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -ljwt -lfcgi

WARN    := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes
HARDEN  := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
CFLAGS  ?= -O2 -g
ALL_CFLAGS := -std=c17 $(CFLAGS) $(WARN) $(if $(WERROR),-Werror) $(HARDEN) $(SAN)
CPPFLAGS := -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Ilib $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SAN)

SRCS := $(wildcard lib/*/*.c)
OBJS := $(SRCS:%.c=$(BUILD)/%.o)

all: $(WORKER) ## build the worker

$(WORKER): $(BUILD)/cgi/orders.o $(OBJS)
	@mkdir -p $(@D)
	@echo "  $(if $(filter %.o,$@),CC,LD)  $@"; $(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  $(if $(filter %.o,$@),CC,LD)  $@"; $(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# What installs packages builds in a second make: this one has asked pkg-config already, in vain perhaps.
run: deps ## start everything in the foreground and show a first order going through
	@$(MAKE) --no-print-directory all
	@exec demo/run.sh run
up: deps ## the same in the background; returns when it is ready
	@$(MAKE) --no-print-directory all
	@demo/run.sh up
down: ## end what `make up` started
	@demo/run.sh down
status: ## what is running, and where
	@demo/run.sh status

clean: ## remove what was built and what was run
	@[ ! -d run ] || demo/run.sh down
	rm -rf build run cgi/orders.fcgi

help: ## this list
	@sed -n 's/^\([a-z_.-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | sort | expand -t 22

# Tests: every tests/KIND/test_NAME.c is a Criterion program of its own; tests/support is linked to all.
SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))
tests_of = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/$(1)/test_*.c))
UNIT    := $(call tests_of,unit)
STORE   := $(call tests_of,store)
WIRE    := $(call tests_of,wire)
FAULT   := $(call tests_of,fault)
AWS     := $(call tests_of,aws)
# The load and the audit, which have tests of their own, and the rows on top of them.
AUDIT_OBJS := $(patsubst %,$(BUILD)/tests/fault/%.o,audit load load_clients load_requests)
ROW_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/fault/rows_*.c)) $(patsubst %,$(BUILD)/tests/fault/%.o,scene cluster)
MEMORY := $(BUILD)/tests/fault/memory

$(BUILD)/tests/%.o: CPPFLAGS += -Itests
$(FAULT) $(BUILD)/tests/fault/fault: $(AUDIT_OBJS)
$(BUILD)/tests/fault/fault: $(ROW_OBJS)
$(UNIT) $(STORE) $(WIRE) $(FAULT) $(AWS) $(BUILD)/tests/fault/fault: $(BUILD)/%: $(BUILD)/%.o $(SUPPORT) $(OBJS)
	@echo "  LD  $@"; $(CC) $(LDFLAGS) -o $@ $^ -lcriterion $(LIBS)

# For LD_PRELOAD.
$(BUILD)/tests/fault/hang.so: tests/fault/hang.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  LD  $@"; $(CC) $(CPPFLAGS) $(ALL_CFLAGS) -fPIC -shared -o $@ $<

test: KINDS = unit store wire fault
test: run-tests ## install what the tests need and run all of them
unit: KINDS = unit
unit: run-tests ## pure modules alone
store: KINDS = store
store: run-tests ## on a throwaway PostgreSQL
wire: KINDS = wire
wire: run-tests ## the contract through a web server; PGBOUNCER=transaction or session
# The CLI is large: a set of its own.
aws-test: deps-test deps-aws ## the AWS CLI reads the queue
	@$(MAKE) --no-print-directory all build-aws
	@tests/support/run.sh $(BUILD) aws

run-tests: deps-test
	@$(MAKE) --no-print-directory all $(KINDS:%=build-%)
	tests/support/run.sh $(BUILD) $(KINDS)
build-unit: $(UNIT)
build-store: $(STORE)
build-wire: $(WIRE)
build-fault: $(FAULT)
build-aws: $(AWS)
# ONLY=name[,name…]: these rows; QUICK=1: each shortened; SEED
fault: deps-test ## the service on its worst day, one row a fault, with figures
	@$(MAKE) --no-print-directory all build-faults
	@tests/support/run.sh -x $(BUILD)/tests/fault/fault
chaos: deps-test ## workers killed, PostgreSQL and the emulator restarted, all at once under load
	@$(MAKE) --no-print-directory all
	@tests/fault/chaos.sh
# MUTANTS=name…: these; SEED
fault-mutants: deps-test ## the service broken on purpose: which row notices what
	@tests/fault/mutants.sh $(MUTANTS)
build-faults: $(BUILD)/tests/fault/fault $(BUILD)/tests/fault/hang.so $(MEMORY)
# DATA=N: what pages cost at N orders beside 10,000, instead
bench: deps-bench ## speed beside PostgreSQL's own limit; DATA=10000000: does a page's cost grow with history?
	@$(MAKE) --no-print-directory all
	tests/bench/$(if $(DATA),pages.sh $(DATA),bench.sh)
# ADD=1, SEED, UNTIL; DATABASE_URL, or the demo's
data: deps ## load N orders, as a shop has them after two years
	@N='$(N)' tests/bench/data.sh

deps:
	@demo/deps.sh build run
deps-%:
	@demo/deps.sh build run $*

include tests/tests.mk
include install.mk

# Changed flags rebuild.
FLAGS := $(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(LDFLAGS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || echo '$(subst ','\'',$(FLAGS))' >$@

FORCE:
.PHONY: all run up down status clean help test unit store wire run-tests build-unit build-store build-wire build-fault build-aws build-faults aws-test fault chaos fault-mutants bench data deps FORCE

-include $(shell find $(BUILD) -name 'deb*' -prune -o -name '*.d' -print 2>/dev/null)
