# The order service. `make help` lists the targets.
VERSION := 0.1.0

CC      ?= cc
BUILD   ?= build
WORKER  ?= cgi/orders.fcgi
CTL     ?= $(dir $(WORKER))ordersctl
PKGS    := libcurl libpq json-c talloc expat libcrypto
LIBS    := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -ljwt -lfcgi -lm

WARN    := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes
HARDEN  := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
CFLAGS  ?= -O2 -g
ALL_CFLAGS := -std=c17 $(CFLAGS) $(WARN) $(if $(WERROR),-Werror) $(HARDEN) $(SAN)
# Our names are ours alone: jansson, which libjwt signs with, has a json_string() too.
HIDE    := -fvisibility=hidden
CPPFLAGS := -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Ilib $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SAN)

SRCS := $(wildcard lib/*/*.c)
OBJS := $(SRCS:%.c=$(BUILD)/%.o)

all: $(WORKER) $(CTL) ## build the worker and the operator's tool

$(WORKER): $(BUILD)/cgi/orders.o $(OBJS)
$(CTL): $(BUILD)/cgi/ordersctl.o $(OBJS)
$(WORKER) $(CTL):
	@mkdir -p $(@D)
	@echo "  $(if $(filter %.o,$@),CC,LD)  $@"; $(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/lib/%.o $(BUILD)/cgi/%.o: ALL_CFLAGS += $(HIDE)
$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  $(if $(filter %.o,$@),CC,LD)  $@"; $(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Their assembler reads these.
$(BUILD)/lib/html/assets.o: lib/html/status.css lib/html/status.js

# What installs packages builds in a second make: this one has asked pkg-config already, in vain perhaps.
run: deps ## start everything in the foreground and show a first order going through
	@$(MAKE) --no-print-directory all build-docs
	@exec demo/run.sh run
up: deps ## the same in the background; returns when it is ready
	@$(MAKE) --no-print-directory all build-docs
	@demo/run.sh up
down: ## end what `make up` started
	@demo/run.sh down
status: ## what is running, and where
	@demo/run.sh status

# The API's page. Of Swagger UI only what the page loads, without its source map.
SWAGGER := run/npm/node_modules/swagger-ui-dist
SWAGGER_FILES := swagger-ui.css swagger-ui-bundle.js favicon-32x32.png
PAGE_FILES := index.html page.css page.js
DOCS := openapi.json swagger-ui.txt $(SWAGGER_FILES) $(PAGE_FILES)
docs: deps-docs ## the API's page, /docs, in build/page
	@$(MAKE) --no-print-directory build-docs
build-docs: $(DOCS:%=build/page/%)
build/page/openapi.json: docs/openapi.json
$(PAGE_FILES:%=build/page/%): build/page/%: docs/page/%
$(SWAGGER_FILES:%=build/page/%): build/page/%: $(SWAGGER)/%
# Whose work that is, and on which terms.
build/page/swagger-ui.txt: $(addprefix $(SWAGGER)/,NOTICE swagger-ui-bundle.js.LICENSE.txt LICENSE)
$(DOCS:%=build/page/%):
	@mkdir -p $(@D)
	@echo "  CP  $@"; cat $^ | LC_ALL=C sed '/^\/[\/*]# sourceMappingURL=/d' >$@.new && mv $@.new $@

clean: ## remove what was built and what was run
	@[ ! -d run ] || demo/run.sh down
	rm -rf build run cgi/orders.fcgi cgi/ordersctl

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
	@$(MAKE) --no-print-directory all build-docs $(KINDS:%=build-%)
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
FLAGS := $(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(HIDE) $(LDFLAGS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || echo '$(subst ','\'',$(FLAGS))' >$@

FORCE:
.PHONY: all run up down status clean help docs build-docs test unit store wire run-tests build-unit build-store build-wire build-fault build-aws build-faults aws-test fault chaos fault-mutants bench data deps FORCE

-include $(shell find $(BUILD) -name 'deb*' -prune -o -name '*.d' -print 2>/dev/null)
