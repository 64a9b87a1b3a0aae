# Onsite.  `make help` lists the targets.

SHELL        := /bin/bash
.SHELLFLAGS  := -euo pipefail -c
.DEFAULT_GOAL := help

# release | debug | asan
FLAVOUR ?= release
# nginx to build for: by default the packaged one (nginx-dev)
NGINX_SRC ?= /usr/share/nginx/src
PREFIX ?= /usr
DESTDIR ?=

ROOT  := $(abspath .)
BUILD := $(ROOT)/build$(if $(filter-out release,$(FLAVOUR)),/$(FLAVOUR))
MOD   := $(ROOT)/ngx_onsite_module

CC ?= cc
# V=1 shows the commands
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(patsubst $(ROOT)/%,%,$@)';)
CFLAGS_release := -O2 -g
CFLAGS_debug   := -O0 -g3
CFLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
                  -fno-sanitize-recover=undefined
CFLAGS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
                  -fno-sanitize-recover=undefined
LDFLAGS_fuzz   := -fsanitize=address,undefined
LDFLAGS_asan   := -fsanitize=address,undefined

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
            -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla
CORE_CFLAGS := -std=c11 -D_GNU_SOURCE -fPIC $(CFLAGS_$(FLAVOUR)) $(WARNINGS) \
               -DPCRE2_CODE_UNIT_WIDTH=8 -I$(MOD)/core $(CFLAGS)
CORE_LIBS := -llmdb -lmsgpackc -lpcre2-8 -lcrypto -lz -lm
LDFLAGS_ALL := $(LDFLAGS_$(FLAVOUR)) $(LDFLAGS)

CORE_SRC := $(wildcard $(MOD)/core/*.c)
CORE_OBJ := $(CORE_SRC:$(MOD)/core/%.c=$(BUILD)/obj/core/%.o)
LOADER_SRC := $(wildcard lmdb-loader/*.c)
LOADER_OBJ := $(LOADER_SRC:lmdb-loader/%.c=$(BUILD)/obj/lmdb-loader/%.o)
UNIT_SRC := $(wildcard t/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:t/unit/%.c=$(BUILD)/unit/%)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BUILD)/libonsite.a: $(CORE_OBJ)
	@rm -f $@; ar rcs $@ $^

$(BUILD)/obj/core/%.o: $(MOD)/core/%.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CORE_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/obj/lmdb-loader/%.o: lmdb-loader/%.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CORE_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/lmdb-loader: $(LOADER_OBJ) $(BUILD)/libonsite.a
	$(call say,LINK)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(CORE_LIBS)

# a unit test links only what it needs from core: one room can be tested
# while another is being rebuilt
$(BUILD)/unit/%: t/unit/%.c $(BUILD)/libonsite.a
	@mkdir -p $(@D)
	$(call say,TEST)$(CC) $(CORE_CFLAGS) -It/unit -MMD -MP $< -o $@ $(BUILD)/libonsite.a \
	    $(LDFLAGS_ALL) -lcmocka $(CORE_LIBS)

# The module is built in a shadow of nginx's tree, so that nothing is written
# into it; sources and libonsite.a are followed through nginx's own makefile.
SHADOW := $(BUILD)/nginx
MODULE := $(BUILD)/ngx_http_onsite_module.so
MODULE_C   := $(wildcard $(MOD)/http/*.c)
MODULE_H   := $(wildcard $(MOD)/http/*.h $(MOD)/core/*.h)
MODULE_CC  := -g -O2 -fPIC -fstack-protector-strong -Wextra -Wshadow \
              -Wmissing-prototypes -Wno-unused-parameter $(CFLAGS_$(FLAVOUR))
MODULE_LD  := -fPIC -Wl,-z,relro -Wl,-z,now $(LDFLAGS_ALL)

$(SHADOW)/onsite.configured: config $(BUILD)/nginx-src \
    | $(BUILD)/libonsite.a
	@rm -rf $(SHADOW); mkdir -p $(SHADOW)
	@ln -s $(abspath $(NGINX_SRC))/{auto,src} $(SHADOW)/
	@cd $(SHADOW) && \
	    if [ -f $(abspath $(NGINX_SRC))/conf_flags ]; then \
	        . $(abspath $(NGINX_SRC))/conf_flags; \
	    else \
	        NGX_CONF_FLAGS=(--with-compat --with-http_ssl_module \
	            --with-http_v2_module --with-http_sub_module); \
	    fi; \
	    ONSITE_LIB=$(BUILD)/libonsite.a \
	    sh $$(ls -d $(abspath $(NGINX_SRC))/{,auto/}configure 2>/dev/null \
	          | head -1) "$${NGX_CONF_FLAGS[@]}" \
	        --with-cc-opt='$(MODULE_CC)' --with-ld-opt='$(MODULE_LD)' \
	        --add-dynamic-module=$(ROOT) > configure.log 2>&1 || \
	    { cat configure.log; exit 1; }
	@touch $@

$(MODULE): $(SHADOW)/onsite.configured $(MODULE_C) $(MODULE_H) web/onsite.js \
    $(BUILD)/libonsite.a
	@$(MAKE) -s -C $(SHADOW) -f objs/Makefile modules
	@cp $(SHADOW)/objs/ngx_http_onsite_module.so $@

# What was configured: another tree or another list of files starts afresh.
.PHONY: force
$(BUILD)/nginx-src: force
	@mkdir -p $(@D); echo $(abspath $(NGINX_SRC)) $(MODULE_C) > $@.now; \
	cmp -s $@.now $@ || cp $@.now $@

.PHONY: build
build: $(MODULE) $(BUILD)/lmdb-loader $(BUILD)/onsite.js ## module, loader and runtime

$(BUILD)/onsite.js: web/onsite.js
	@mkdir -p $(@D); cp $< $@

.PHONY: module
module: $(MODULE) ## the nginx module alone

.PHONY: unit
unit: $(UNIT_BIN) ## core's unit tests
	@for t in $(UNIT_BIN); do echo "== $${t##*/}"; $$t || exit 1; done

# what behaviour tests run nginx under
$(BUILD)/t/txn_check.so: t/preload/txn_check.c
	@mkdir -p $(@D)
	$(call say,TEST)$(CC) -std=c11 -O1 -g $(WARNINGS) -shared -fPIC $< -o $@ -ldl

$(BUILD)/t/txn_check_fails: t/preload/txn_check_fails.c
	@mkdir -p $(@D)
	$(call say,TEST)$(CC) -std=c11 -O1 -g $(WARNINGS) $< -o $@ -llmdb

.PHONY: behaviour
behaviour: build $(BUILD)/t/txn_check.so $(BUILD)/t/txn_check_fails ## behaviour tests: a real nginx each
	FLAVOUR=$(FLAVOUR) prove -It/lib $(PROVE_FLAGS) $(or $(T),t/*.t)

# candidates of one question, kept to ask it again: needs libjansson-dev,
# libcjson-dev, libjson-c-dev, libsimdjson-dev and g++ on top of the build's
$(BUILD)/bench/json: bench/json.c bench/json_c.c bench/json_simdjson.cc \
    bench/json.h $(BUILD)/libonsite.a
	@mkdir -p $(@D)
	g++ -std=c++17 -O2 -fno-exceptions -fno-rtti -I$(MOD)/core -c \
	    bench/json_simdjson.cc -o $@.simdjson.o
	$(CC) $(CORE_CFLAGS) -shared bench/json_c.c $(BUILD)/libonsite.a \
	    -o $@_c.so -ljson-c
	$(CC) $(CORE_CFLAGS) bench/json.c $@.simdjson.o $@_c.so \
	    $(BUILD)/libonsite.a -o $@ $(LDFLAGS_ALL) -Wl,-rpath,'$$ORIGIN' \
	    -ljansson -lcjson -lsimdjson -lstdc++ $(CORE_LIBS)

$(BUILD)/bench/record: bench/record.c $(BUILD)/libonsite.a
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $< $(BUILD)/libonsite.a $(CORE_LIBS) -o $@

.PHONY: bench-record
bench-record: $(BUILD)/bench/record ## visitor records: time and room
	$(BUILD)/bench/record

.PHONY: bench-json
bench-json: $(BUILD)/bench/json ## JSON libraries on a track call, and what follows
	$<

$(BUILD)/bench/scanner: bench/scanner.c $(BUILD)/libonsite.a
	@mkdir -p $(@D)
	$(call say,BENCH)$(CC) $(CORE_CFLAGS) $< -o $@ $(BUILD)/libonsite.a $(LDFLAGS_ALL)

.PHONY: bench-scanner
bench-scanner: $(BUILD)/bench/scanner ## the HTML scanner on 25 MB of pages
	@$<

$(BUILD)/differential/%: t/differential/%.c $(BUILD)/libonsite.a
	@mkdir -p $(@D)
	$(call say,TEST)$(CC) $(CORE_CFLAGS) $< -o $@ $(BUILD)/libonsite.a $(LDFLAGS_ALL) $(CORE_LIBS)

$(BUILD)/differential/node_modules: t/differential/package.json
	@mkdir -p $(@D); cp $< $(@D); npm --prefix $(@D) install --silent --no-audit --no-fund; touch $@

.PHONY: differential
differential: $(BUILD)/differential/evaluate $(BUILD)/differential/node_modules ## conditions against GrowthBook's own evaluator
	@NODE_PATH=$(BUILD)/differential/node_modules node t/differential/compare.js $< $(COUNT) $(SEED)

$(BUILD)/bench/condition: bench/condition.c $(BUILD)/libonsite.a
	@mkdir -p $(@D)
	$(call say,BENCH)$(CC) $(CORE_CFLAGS) $< -o $@ $(BUILD)/libonsite.a $(LDFLAGS_ALL) $(CORE_LIBS)

# harnesses link what they need of a libonsite.a of their own flavour
$(BUILD)/bin/%: t/fuzz/%.c $(BUILD)/libonsite.a
	@mkdir -p $(@D) $(BUILD)/corpus/$* t/fuzz/seeds/$(*:fuzz_%=%)
	$(call say,FUZZ)$(CC) $(CORE_CFLAGS) -fsanitize=fuzzer $< -o $@ $(BUILD)/libonsite.a $(LDFLAGS_ALL) $(CORE_LIBS)
	@cd $(BUILD) && ./bin/$* -max_total_time=$(or $(FUZZ_SECONDS),5) -verbosity=0 -print_final_stats=1 \
	    corpus/$* $(ROOT)/t/fuzz/seeds/$(*:fuzz_%=%) >$*.log 2>&1 || { cat $*.log; rm -f $@; exit 1; }; \
	grep -h executed_units $*.log

$(BUILD)/parse5/insert: t/parse5/insert.c $(BUILD)/libonsite.a
	@mkdir -p $(@D)
	$(call say,TEST)$(CC) $(CORE_CFLAGS) $< -o $@ $(BUILD)/libonsite.a $(LDFLAGS_ALL)

$(BUILD)/parse5/node_modules: t/parse5/package.json
	@mkdir -p $(@D); cp $< $(@D); npm --prefix $(@D) install --silent --no-audit --no-fund; touch $@

.PHONY: differential-html
differential-html: $(BUILD)/parse5/insert $(BUILD)/parse5/node_modules ## the scanner against a whole HTML parser
	@node t/parse5/compare.mjs $< $(BUILD)/parse5/node_modules $(COUNT) $(SEED)

.PHONY: fuzz
fuzz: ## each t/fuzz/fuzz_*.c with clang-14 for FUZZ_SECONDS (5)
	@rm -rf $(ROOT)/build/fuzz/bin
	@$(MAKE) --no-print-directory FLAVOUR=fuzz CC=clang-14 \
	    $(patsubst t/fuzz/%.c,$(ROOT)/build/fuzz/bin/%,$(or $(F),$(wildcard t/fuzz/fuzz_*.c)))

$(BUILD)/bench/decide: bench/decide.c $(BUILD)/libonsite.a
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(CORE_CFLAGS) $< -o $@ $(BUILD)/libonsite.a $(LDFLAGS_ALL) $(CORE_LIBS)

.PHONY: bench-decide
bench-decide: $(BUILD)/bench/decide ## what a decision costs with 10 to 100,000 campaigns
	@$<

$(BUILD)/bench/store: bench/store.c $(BUILD)/libonsite.a
	@mkdir -p $(@D)
	$(call say,BENCH)$(CC) $(CORE_CFLAGS) $< -o $@ $(BUILD)/libonsite.a \
	    $(LDFLAGS_ALL) $(CORE_LIBS)

.PHONY: bench-store
bench-store: $(BUILD)/bench/store ## visitor state alone: transactions a second, bytes a visitor
	@dir=$$(mktemp -d -p /dev/shm onsite-bench-XXXXXX); \
	trap 'rm -rf "$$dir"' EXIT; $< 1000000 512 "$$dir"

.PHONY: clean
clean: ## remove build/
	rm -rf $(ROOT)/build

-include $(CORE_OBJ:.o=.d) $(LOADER_OBJ:.o=.d) $(UNIT_BIN:=.d)
