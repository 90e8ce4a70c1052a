# lua-fiks. `make` prints what there is; the README says what a user needs.
#
# Variables: CC, CFLAGS, LDFLAGS, LUA_INCDIR, LUAJIT_INCDIR, PREFIX, DESTDIR, WERROR=1 (warnings are
# errors), V=1 (show commands), NO_DEPS=1 (never install packages), ISAL=1 (unpack with ISA-L instead
# of zlib), TEST=url (C tests by name), SPEC=spec/unit/error_spec.lua (Lua tests), ONLY=cms (benchmark
# rows), FUZZ=ber and FUZZ_SECONDS=60 (fuzz targets).

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# ---- variants ------------------------------------------------------------------------------------
# `make asan`, `make asan test` and `make VARIANT=asan test-c` all work in build/asan.

VARIANT := $(firstword $(filter asan tsan coverage isal,$(MAKECMDGOALS)) $(VARIANT))
BUILD   := build$(if $(VARIANT),/$(VARIANT))

FLAGS_     := -O2 -g
FLAGS_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
              -fno-sanitize-recover=undefined
FLAGS_fuzz := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
              -fno-sanitize-recover=undefined
FLAGS_replay := -O0 -g --coverage -DFUZZ_REPLAY
FLAGS_tsan := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
FLAGS_isal := $(FLAGS_)
FLAGS_coverage := -O0 -g --coverage

# ---- tools and flags -----------------------------------------------------------------------------

ifeq ($(origin CC),default)
CC := gcc
endif
CFLAGS        ?= $(FLAGS_$(VARIANT))
LUA           ?= lua5.4
LUAJIT        ?= luajit
LUA_INCDIR    ?= /usr/include/lua5.4
LUAJIT_INCDIR ?= /usr/include/luajit-2.1
PREFIX        ?= /usr/local
LIBS          := -lcurl -lssl -lcrypto -ljansson -lz -lpthread
ISAL          ?= $(if $(filter isal,$(VARIANT)),1)
ifeq ($(ISAL),1)
CPPFLAGS      += -DFIKS_ISAL
LIBS          += -lisal
endif

STRICT  := -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
           $(if $(filter 1,$(WERROR)),-Werror)
COMPILE  = $(CC) $(CPPFLAGS) $(STRICT) -fPIC -fvisibility=hidden $(CFLAGS) -MMD -MP
LINK     = $(CC) $(CFLAGS) $(LDFLAGS)
# A module stays mapped for good: its engine's thread and libcurl's state outlive a Lua state.
MODULE   = $(LINK) -shared -Wl,-z,nodelete -Wl,-z,relro

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)')

# ---- sources (by wildcard; SKIP="csrc/x.c" leaves some out) ---------------------------------------

CORE_SRC    := $(filter-out $(SKIP),$(wildcard csrc/*.c))
BIND_SRC    := $(filter-out $(SKIP),$(wildcard csrc/bind/*.c csrc/luajson/*.c))
DRIVER_SRC  := $(wildcard csrc/driver/*.c)
TEST_SRC    := $(filter-out $(SKIP),$(wildcard csrc/test/test_*.c))
EXAMPLE_SRC := $(wildcard examples/*.c)
BENCH_SRC   := $(wildcard bench/*.c)
JUDGE_SRC   := $(wildcard spec/*/*.c)
FUZZ_SRC    := $(wildcard fuzz/*.c)
HEADERS     := $(wildcard csrc/*.h csrc/bind/*.h csrc/luajson/*.h csrc/test/*.h fuzz/*.h)
C_FILES     := $(CORE_SRC) $(BIND_SRC) $(DRIVER_SRC) $(TEST_SRC) $(EXAMPLE_SRC) $(BENCH_SRC) $(JUDGE_SRC) \
               $(FUZZ_SRC) $(HEADERS)
LUA_FILES    = $(sort $(shell find lua spec examples sandbox bench fuzz tools -name '*.lua' 2>/dev/null))

OBJ         := $(BUILD)/obj
CORE_OBJ    := $(CORE_SRC:%.c=$(OBJ)/%.o)
LUA54_OBJ   := $(BIND_SRC:%.c=$(OBJ)/lua5.4/%.o)
LUAJIT_OBJ  := $(BIND_SRC:%.c=$(OBJ)/luajit/%.o)
DRIVER_OBJ  := $(DRIVER_SRC:%.c=$(OBJ)/lua5.4/%.o) $(DRIVER_SRC:%.c=$(OBJ)/luajit/%.o)
PROG_OBJ    := $(TEST_SRC:%.c=$(OBJ)/%.o) $(EXAMPLE_SRC:%.c=$(OBJ)/%.o) $(BENCH_SRC:%.c=$(OBJ)/%.o) \
               $(JUDGE_SRC:%.c=$(OBJ)/%.o)
FUZZ_OBJ    := $(FUZZ_SRC:%.c=$(OBJ)/lua5.4/%.o)
OBJECTS     := $(CORE_OBJ) $(LUA54_OBJ) $(LUAJIT_OBJ) $(DRIVER_OBJ) $(PROG_OBJ) $(FUZZ_OBJ)

LIBFIKS     := $(BUILD)/libfiks.a
CORES       := $(BUILD)/lua5.4/fiks/core.so $(BUILD)/luajit/fiks/core.so
DRIVERS     := $(DRIVER_SRC:csrc/driver/%.c=$(BUILD)/lua5.4/fiks/%.so) \
               $(DRIVER_SRC:csrc/driver/%.c=$(BUILD)/luajit/fiks/%.so)
MODULES     := $(CORES) $(DRIVERS)
TESTS       := $(TEST_SRC:csrc/test/%.c=$(BUILD)/test/%)
EXAMPLES    := $(EXAMPLE_SRC:examples/%.c=$(BUILD)/examples/%)
BENCHES     := $(BENCH_SRC:bench/%.c=$(BUILD)/bench/%)
JUDGES      := $(JUDGE_SRC:%.c=$(BUILD)/%)

# ---- building ------------------------------------------------------------------------------------

.PHONY: help deps all lib modules tests examples
all: $(LIBFIKS) $(MODULES) $(EXAMPLES) ## build the core, both Lua modules and the C examples
lib: $(LIBFIKS)
modules: $(MODULES)
tests: $(TESTS)
examples: $(EXAMPLES)

help: ## this list
	@echo 'make <target>   (variables are described at the top of the Makefile)'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

# What the goals need from the system comes before the first compilation, also under -j.
NEEDS := runtime build \
         $(if $(filter test% asan tsan valgrind isal coverage bench% fuzz%,$(MAKECMDGOALS)),test) \
         $(if $(filter bench%,$(MAKECMDGOALS)),bench) \
         $(if $(filter lint% format% rock fuzz%,$(MAKECMDGOALS)),lint)
ifneq (,$(filter deps,$(MAKECMDGOALS)))
NEEDS := runtime build test lint
endif
BRING_DEPS := test test-c test-lua test-crash demo asan tsan valgrind isal coverage bench \
              bench-check fuzz lint format format-check rock
ifneq (,$(filter $(BRING_DEPS),$(MAKECMDGOALS)))
$(OBJECTS) $(BRING_DEPS): | deps
endif

deps: ## install the Debian packages that are missing (as root)
	$(Q)$(if $(NO_DEPS),:,tools/install_deps.sh $(NEEDS))

# Recompile when the compiler or its flags change; nothing happens when they did not.
SIGNATURE := $(CC) $(CPPFLAGS) $(STRICT) $(CFLAGS) $(LDFLAGS) $(LUA_INCDIR) $(LUAJIT_INCDIR)
ifneq ($(strip $(file <$(BUILD)/flags)),$(strip $(SIGNATURE)))
$(shell mkdir -p $(BUILD))
$(file >$(BUILD)/flags,$(SIGNATURE))
endif
$(BUILD)/flags: ;

$(OBJ)/lua5.4/%.o: %.c $(BUILD)/flags
	$(call say,CC,$< (lua5.4))
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -isystem $(LUA_INCDIR) -c -o $@ $<

$(OBJ)/luajit/%.o: %.c $(BUILD)/flags
	$(call say,CC,$< (luajit))
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -isystem $(LUAJIT_INCDIR) -c -o $@ $<

$(OBJ)/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -Icsrc -c -o $@ $<

$(LIBFIKS): $(CORE_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/lua5.4/fiks/core.so: $(CORE_OBJ) $(LUA54_OBJ)
$(BUILD)/luajit/fiks/core.so: $(CORE_OBJ) $(LUAJIT_OBJ)
$(CORES):
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(MODULE) -o $@ $^ $(LIBS)

# The drivers of the store, each alone with its database's library.
$(BUILD)/%/fiks/sqlite.so: $(OBJ)/%/csrc/driver/sqlite.o
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(MODULE) -o $@ $^ -lsqlite3 -lpthread
$(BUILD)/%/fiks/postgres.so: $(OBJ)/%/csrc/driver/postgres.o
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(MODULE) -o $@ $^ -lpq

# It looks into every block that the core frees.
$(BUILD)/test/test_memory: LINK += -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc
$(BUILD)/test/test_wipe: LINK += -Wl,--wrap=free -Wl,--wrap=realloc
# A host of Lua states, with the binding in it.
$(OBJ)/csrc/test/test_thread_states.o: COMPILE += -isystem $(LUA_INCDIR)
$(BUILD)/test/test_thread_states: $(LUA54_OBJ)
$(BUILD)/test/test_thread_states: LINK += -rdynamic
$(BUILD)/test/test_thread_states: LIBS += -llua5.4 -lm -ldl
$(BUILD)/test/%: $(OBJ)/csrc/test/%.o $(LIBFIKS)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(LIBFIKS) $(LIBS)

$(BUILD)/examples/%: $(OBJ)/examples/%.o $(LIBFIKS)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(BUILD)/bench/%: $(OBJ)/bench/%.o $(LIBFIKS)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(BUILD)/spec/%: $(OBJ)/spec/%.o
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(BUILD)/fuzz/%: $(OBJ)/lua5.4/fuzz/%.o $(LUA54_OBJ) $(LIBFIKS)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) $(if $(filter fuzz,$(VARIANT)),-fsanitize=fuzzer) -o $@ $^ $(LIBS) -llua5.4 -lm

-include $(OBJECTS:.o=.d)

# ---- running -------------------------------------------------------------------------------------

.PHONY: demo test test-c test-lua test-crash asan tsan valgrind isal coverage
RUN := BUILD=$(BUILD) VARIANT=$(VARIANT) CC=$(CC) LUA=$(LUA) LUAJIT=$(LUAJIT) tools/run_tests.sh
WANTED := $(if $(TEST),$(TEST:%=$(BUILD)/test/test_%),$(TESTS))

# The sandbox is not under test by a sanitizer: nginx always loads the plain module.
.PHONY: plain-modules
plain-modules:
ifneq (,$(VARIANT))
	$(Q)$(MAKE) VARIANT= CFLAGS='$(FLAGS_)' modules examples
endif

demo: $(MODULES) $(EXAMPLES) ## the main job against a local sandbox, from nothing
	$(Q)BUILD=$(BUILD) LUA=$(LUA) tools/demo.sh

test: all plain-modules $(TESTS) $(JUDGES) ## every test: C, Lua 5.4 and LuaJIT
	$(Q)$(RUN) --c '$(WANTED)' --lua '$(SPEC)'

test-c: $(WANTED) ## C tests (TEST=url: only test_url)
	$(Q)$(RUN) --c '$(WANTED)'

test-lua: all plain-modules $(JUDGES) ## Lua tests on both runtimes (SPEC=file: only that)
	$(Q)$(RUN) --lua '$(SPEC)'

test-crash: all ## receivers killed at each step and at 200 random instants (part of test)
	$(Q)$(RUN) --lua spec/crash

asan: test ## the suite under address and undefined-behaviour sanitizers

tsan: $(filter $(BUILD)/test/test_engine% $(BUILD)/test/test_thread% \
      $(BUILD)/test/test_metrics% $(BUILD)/test/test_job%,$(TESTS)) ## thread tests under the thread sanitizer
	$(Q)$(RUN) --c '$^'

valgrind: all $(TESTS) ## C tests, Lua unit specs and gc_spec under valgrind
	$(Q)$(RUN) --valgrind --c '$(WANTED)' --lua '$(or $(SPEC),spec/unit spec/gc_spec.lua)'

# Everything that unpacks, with the other inflater.
isal: ## the tests that unpack, in a build with ISA-L
	$(Q)$(MAKE) VARIANT=isal test-c TEST='inflate unzip receive receive_bad'

coverage: test ## the suite with gcov counters; report in build/coverage/lines.txt
	$(Q)tools/coverage.sh $(BUILD)

# ---- benchmarks ----------------------------------------------------------------------------------

.PHONY: bench bench-check
bench: all $(BENCHES) ## figures against their references (ONLY=name picks rows), build/bench.json
	$(Q)LUA=$(LUA) bench/run.sh '$(ONLY)'

bench-check: all $(BENCHES) ## the same, failing when a ratio misses its target
	$(Q)LUA=$(LUA) bench/run.sh --check '$(ONLY)'

# ---- fuzzing -------------------------------------------------------------------------------------
# Built by clang into build/fuzz, as the variant "fuzz" of everything.

.PHONY: fuzz fuzz-check fuzz-coverage fuzzers
FUZZ         ?= $(notdir $(FUZZ_SRC:.c=))
FUZZ_SECONDS ?= 60
fuzz: ## libFuzzer over the readers (FUZZ=name picks targets, FUZZ_SECONDS=60 each)
	$(Q)$(MAKE) VARIANT=fuzz CC=clang FUZZ='$(FUZZ)' fuzzers
	$(Q)LUA=$(LUA) fuzz/run.sh build/fuzz $(FUZZ_SECONDS) $(FUZZ)

# What strangers send is read by three of them.
DEEP := ber cms unzip
fuzz-check: ## the same for as long as CI takes: 15 s a target, a minute for BER, CMS and zip
	$(Q)$(MAKE) fuzz FUZZ='$(filter-out $(DEEP),$(FUZZ))' FUZZ_SECONDS=15
	$(Q)$(MAKE) fuzz FUZZ='$(DEEP)' FUZZ_SECONDS=60
	$(Q)$(MAKE) fuzz-coverage

fuzz-coverage: ## lines of the BER, CMS and zip readers that the last `make fuzz` reached (90 % at least)
	$(Q)$(MAKE) VARIANT=replay CC=gcc FUZZ='$(DEEP)' fuzzers
	$(Q)fuzz/coverage.sh build/replay build/fuzz

fuzzers: $(FUZZ:%=$(BUILD)/fuzz/%)

# ---- lint ----------------------------------------------------------------------------------------

.PHONY: lint lint-format lint-tidy lint-cppcheck lint-lua lint-includes lint-sizes lint-exports \
        lint-rock lint-files format format-check rock
LINT := lint-files lint-format lint-includes lint-sizes lint-lua lint-rock lint-exports \
        lint-cppcheck lint-tidy
lint: $(LINT) ## every check below, without running anything
	@echo 'lint: clean'

format: ## reformat the C files
	$(Q)clang-format -i $(C_FILES)

format-check lint-format:
	$(call say,FORMAT,C files)
	$(Q)clang-format --dry-run -Werror $(C_FILES)

lint-includes:
	$(call say,LINT,dependency direction)
	$(Q)LUA=$(LUA) LUAJIT=$(LUAJIT) tools/check_includes.sh

lint-sizes:
	$(call say,LINT,sizes)
	$(Q)tools/check_sizes.sh

lint-files:
	$(call say,LINT,white space and private keys)
	$(Q)tools/check_files.sh

lint-rock:
	$(call say,LINT,rockspec)
	$(Q)$(LUA) tools/check_rockspec.lua lua-fiks-scm-1.rockspec

lint-exports: $(MODULES)
	$(call say,LINT,exported symbols)
	$(Q)tools/check_exports.sh $^

lint-lua:
	$(call say,LINT,luacheck)
	$(Q)luacheck -q lua bin/fiks spec sandbox examples bench fuzz tools *.rockspec .luacheckrc .busted

lint-cppcheck:
	$(call say,LINT,cppcheck)
	$(Q)cppcheck -q --std=c11 --enable=warning,performance,portability --inline-suppr \
	    --error-exitcode=1 --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
	    --suppressions-list=tools/cppcheck.txt -D_GNU_SOURCE -DFIKS_API= -DLUA_VERSION_NUM=504 \
	    '-Djson_object_foreach(o,k,v)=while(next(o,&k,&v))' \
	    '-Djson_array_foreach(a,i,v)=while(next(a,&i,&v))' \
	    -j 2 $(CORE_SRC) $(BIND_SRC) $(DRIVER_SRC) $(EXAMPLE_SRC) $(BENCH_SRC) $(JUDGE_SRC) $(FUZZ_SRC)

# One file at a time, remembered: only what changed is read again.
TIDY := $(patsubst %.c,$(OBJ)/%.tidy,$(CORE_SRC) $(BIND_SRC) $(DRIVER_SRC) $(EXAMPLE_SRC) \
          $(JUDGE_SRC) $(FUZZ_SRC))
lint-tidy: $(TIDY)
$(OBJ)/%.tidy: %.c .clang-tidy tools/analysis.h $(HEADERS)
	$(call say,TIDY,$<)
	@mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- -std=c11 -D_GNU_SOURCE -Icsrc -isystem $(LUA_INCDIR) \
	    $(if $(filter %/error.c,$<),,-include tools/analysis.h) 2>$@.err \
	    || { cat $@.err; rm -f $@.err; exit 1; }
	@rm -f $@.err; touch $@

# ---- installing ----------------------------------------------------------------------------------

.PHONY: install uninstall clean
LUA_DIRS := $(sort $(dir $(shell find lua -name '*.lua' 2>/dev/null)))
install: all ## to PREFIX (/usr/local): header, library, Lua files and modules, the command fiks
	install -d $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib
	install -m 644 csrc/fiks.h csrc/fiks_content.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 $(LIBFIKS) $(DESTDIR)$(PREFIX)/lib/
	for v in 5.1 5.4; do \
	    for d in $(LUA_DIRS:lua/%=%); do \
	        install -d $(DESTDIR)$(PREFIX)/share/lua/$$v/$$d && \
	        install -m 644 lua/$$d*.lua $(DESTDIR)$(PREFIX)/share/lua/$$v/$$d || exit 1; \
	    done; \
	    install -d $(DESTDIR)$(PREFIX)/lib/lua/$$v/fiks || exit 1; \
	done
	install -m 755 $(filter $(BUILD)/lua5.4/%,$(MODULES)) $(DESTDIR)$(PREFIX)/lib/lua/5.4/fiks/
	install -m 755 $(filter $(BUILD)/luajit/%,$(MODULES)) $(DESTDIR)$(PREFIX)/lib/lua/5.1/fiks/
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 bin/fiks $(DESTDIR)$(PREFIX)/bin/

uninstall: ## what install put there
	rm -f $(DESTDIR)$(PREFIX)/include/fiks.h $(DESTDIR)$(PREFIX)/include/fiks_content.h \
	    $(DESTDIR)$(PREFIX)/lib/libfiks.a \
	    $(DESTDIR)$(PREFIX)/bin/fiks
	rm -rf $(DESTDIR)$(PREFIX)/share/lua/5.[14]/fiks $(DESTDIR)$(PREFIX)/lib/lua/5.[14]/fiks

rock: ## build the rock into build/rocktree and load it from there
	$(Q)tools/check_rock.sh

clean: ## remove everything built
	rm -rf build
