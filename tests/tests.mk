# The tests again under other conditions, and what reads the sources without running them. Included by the Makefile.

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
# _FORTIFY_SOURCE hides from the sanitizers, and from valgrind, what the library calls do.
UNFORTIFIED := -fstack-protector-strong -fPIE

# The contract through the other web servers: what of the wire tests a web server has a part in. The rest starts workers of its own, or
# is about what lies behind the worker.
SERVERS ?= lighttpd-socket nginx apache-proxy_fcgi apache-fcgid
SERVED  := create desk docs etag events health history idempotency identity lifecycle list log metrics pages products routing server
SERVED  := $(SERVED) status status_page validation
# Tests of a worker without a web server, of what it does after its answer and with its database, and some that take long: of arithmetic,
# and of requests at once, each of which waits a second for mod_fcgid.
LONG    := metrics/@(tell|never|of)*|events/@(arrive|that_were_left|survive|do_not_delay|are_judged|are_not_held_up|wait_for_SNS)*
LONG    := $(LONG)|create/multiplies*|etag/lets*|log/splits*
LONG    := $(LONG)|lifecycle/@(TERM|INT|USR1|a_worker|requests_are|a_connection|a_database|a_commit|outlives|finds|the_workers)*
wire-servers: deps-test ## the contract through each web server
	@$(MAKE) --no-print-directory all build-docs build-wire
	@for server in $(SERVERS); do \
		echo "-- $$server"; SERVER=$$server PROGRAMS='$(SERVED)' ONLY="$${ONLY:-!($(LONG))}" \
			tests/support/run.sh $(BUILD) wire || exit 1; \
	done

# ONLY=name: tests/browser/name.mjs.
browser-test: deps-test deps-browser ## the service's pages in a headless Chromium
	@$(MAKE) --no-print-directory all build-docs
	@tests/browser/browser.sh

# Everything under AddressSanitizer and UndefinedBehaviorSanitizer. Criterion does not mind how a test's process ends once its
# last line was run, and nobody reads a worker's stderr: the reports are files, and each of them is a failure.
san: deps-test deps-san ## the whole test suite under ASan and UBSan
	@$(MAKE) --no-print-directory BUILD=build/san WORKER=build/san/orders.fcgi CFLAGS='-O1 -g -fno-omit-frame-pointer' \
		SAN='$(SANITIZE)' HARDEN='$(UNFORTIFIED)' all build-unit build-store build-wire build-fault
	@tests/check/reports.sh build/san/reports env ORDERS_FCGI=build/san/orders.fcgi \
		ASAN_OPTIONS=log_path=build/san/reports/asan:detect_stack_use_after_return=1:strict_string_checks=1 \
		LSAN_OPTIONS=exitcode=0 UBSAN_OPTIONS=log_path=build/san/reports/ubsan:print_stacktrace=1 \
		tests/support/run.sh build/san unit store wire fault

# Unit and store tests, and a worker that answers 1,000 requests of each kind.
valgrind: deps-test deps-san ## unit and store tests and a worker under valgrind
	@$(MAKE) --no-print-directory BUILD=build/valgrind WORKER=build/valgrind/orders.fcgi CFLAGS='-O1 -g' \
		HARDEN='$(UNFORTIFIED)' all build-unit build-store build-wire
	@tests/check/reports.sh build/valgrind/reports tests/check/valgrind.sh build/valgrind

# The worker's own code in one process with a malloc(3) that refuses: a row of make fault.
$(MEMORY): $(BUILD)/tests/fault/memory.o $(BUILD)/tests/fault/around.o $(BUILD)/tests/fault/refuse.o $(SUPPORT) $(OBJS)
	@echo "  LD  $@"; $(CC) $(LDFLAGS) -o $@ $^ -lcriterion $(LIBS)
$(BUILD)/tests/fault/refuse.o: ALL_CFLAGS += -fno-builtin

# For whoever changes how the page looks.
PAGE := $(BUILD)/tests/page/status
$(PAGE): $(PAGE).o $(SUPPORT) $(OBJS)
	@echo "  LD  $@"; $(CC) $(LDFLAGS) -o $@ $^ -lcriterion $(LIBS)
pages: deps-test $(PAGE) ## the page /status of sample pools, in build/pages
	@mkdir -p $(BUILD)/pages
	@for kind in calm night empty; do $(PAGE) $$kind >$(BUILD)/pages/$$kind.html || exit 1; done

FUZZ_SECONDS ?= 20
FUZZERS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))

$(FUZZERS): $(BUILD)/%: $(BUILD)/%.o $(OBJS)
	@echo "  LD  $@"; $(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

fuzz-programs: $(FUZZERS)

# What is found to be new goes to build/, next to what broke a promise.
fuzz: deps-fuzz ## each fuzzer for FUZZ_SECONDS
	@$(MAKE) --no-print-directory BUILD=build/fuzz CC=clang CFLAGS='-O1 -g -fno-omit-frame-pointer' \
		SAN='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' HARDEN='$(UNFORTIFIED)' fuzz-programs
	@for fuzzer in $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c)); do \
		mkdir -p build/fuzz/corpus/$$fuzzer; \
		build/fuzz/tests/fuzz/fuzz_$$fuzzer -max_total_time=$(FUZZ_SECONDS) -timeout=5 -max_len=8192 -print_final_stats=1 \
			-artifact_prefix=build/fuzz/$$fuzzer- build/fuzz/corpus/$$fuzzer tests/fuzz/corpus/$$fuzzer \
			>build/fuzz/$$fuzzer.log 2>&1 || { tail -n 60 build/fuzz/$$fuzzer.log; exit 1; }; \
		sed -n "s/^stat::number_of_executed_units: /$$fuzzer: no fault in /p" build/fuzz/$$fuzzer.log; \
	done

COVER_LINES ?= 90

# The tests' processes have to end of themselves for their counts to be written.
cover: deps-test deps-cover ## line coverage of lib/, at least COVER_LINES percent
	@find build/cover -name '*.gcda' -delete 2>/dev/null || :
	@$(MAKE) --no-print-directory BUILD=build/cover WORKER=build/cover/orders.fcgi CFLAGS='-O0 -g' SAN=--coverage \
		HARDEN=-fPIE all build-unit build-store build-wire
	@CRITERION_NO_EARLY_EXIT=1 ORDERS_FCGI=build/cover/orders.fcgi tests/support/run.sh build/cover unit store wire
	@gcovr --root . --filter lib/ --object-directory build/cover --sort-uncovered --print-summary --fail-under-line $(COVER_LINES) \
		build/cover/lib

C_FILES = $(shell find lib cgi tests -name '*.[ch]' | sort)
SH_FILES = $(shell find . -name '*.sh' -not -path './build/*' -not -path './run/*' | sort) $(wildcard .ci/run schema/orders-schema)

lint: deps-lint deps-test compile_commands.json ## what reads the sources without running them
	@tests/check/layers.sh -t
	@tests/check/layers.sh
	@tests/check/docs.sh
	@tests/check/package.sh
	@tests/check/openapi.sh
	@tests/check/metrics.sh
	@clang-format --dry-run -Werror $(C_FILES)
	@cppcheck -q --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppressions-list=tests/check/cppcheck.supp -D_GNU_SOURCE -DVERSION='""' -Ilib --library=posix lib cgi
	@shellcheck -x $(SH_FILES)
	@for page in $(wildcard docs/*.8); do mandoc -T lint -W warning $$page || exit 1; done
	@printf '%s\n' $(filter lib/% cgi/%,$(filter %.c,$(C_FILES))) | \
		xargs -n 1 -P $$(nproc) sh -c 'clang-tidy --quiet -p . "$$@" 2>/dev/null || exit 255' lint

format: ## the sources as .clang-format wants them
	@clang-format -i $(C_FILES)

# For editors and clang-tidy.
compile_commands.json: Makefile tests/tests.mk FORCE
	@for file in $(wildcard lib/*/*.c cgi/*.c tests/*/*.c); do \
		printf '%s{"directory": "%s", "file": "%s", "command": "%s -c %s"}' "$$comma" '$(CURDIR)' $$file \
			"$$(printf '%s' '$(CC) $(subst ','\'',$(CPPFLAGS)) -Itests -std=c17 $(WARN)' | sed 's/[\\"]/\\&/g')" $$file; \
		comma=','; \
	done | { printf '['; cat; printf ']\n'; } >$@.new
	@cmp -s $@.new $@ 2>/dev/null && rm $@.new || mv $@.new $@

.PHONY: wire-servers browser-test san valgrind fuzz cover lint format fuzz-programs pages
