# tests.mk - every kind of test; `make test` runs them all.

UNIT_SRC := $(wildcard t/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:t/unit/%.c=$(BUILD)/unit/%)

.PHONY: test
test: ## set up, then everything
	@packaging/packages test
	@$(MAKE) --no-print-directory -j2 build FLAVOUR=release
	@$(MAKE) --no-print-directory -j2 check unit FLAVOUR=release
	@$(MAKE) --no-print-directory differential differential-html
	@$(MAKE) --no-print-directory -j2 fuzz
	@$(MAKE) --no-print-directory -j2 build FLAVOUR=asan
	@$(MAKE) --no-print-directory -j2 unit FLAVOUR=asan
	@$(MAKE) --no-print-directory browser segment FLAVOUR=release
	@$(MAKE) --no-print-directory behaviour FLAVOUR=asan
	@$(MAKE) --no-print-directory behaviour FLAVOUR=release

.PHONY: check
check: $(BUILD)/libonsite.a ## the laws of the house that a machine can see
	@t/check $<

# a unit test links only what it needs from core: one room can be tested
# while another is being rebuilt
$(BUILD)/unit/%: t/unit/%.c $(BUILD)/libonsite.a
	@mkdir -p $(@D)
	$(call say,TEST)$(CC) $(LOADER_CFLAGS) -It/unit -MMD -MP $< -o $@ $(UNIT_OBJ) $(BUILD)/libonsite.a \
	    $(UNIT_LIBS) $(LDFLAGS_ALL) -lcmocka $(CORE_LIBS)

# parts of the loader; of prices ICU itself is the judge
LOADER_PARTS := $(filter $(addprefix $(BUILD)/obj/loader/,bar.o pack.o price.o remote%),$(LOADER_OBJ))
REMOTE_OBJ := $(filter %/bar.o $(BUILD)/obj/loader/remote%,$(LOADER_PARTS))
$(BUILD)/unit/test_price: UNIT_OBJ := $(filter %/price.o,$(LOADER_PARTS))
$(BUILD)/unit/test_pack: UNIT_OBJ := $(filter %/pack.o %/bar.o,$(LOADER_PARTS))
$(BUILD)/unit/test_remote $(BUILD)/unit/test_remote_sign: UNIT_OBJ := $(REMOTE_OBJ)
$(addprefix $(BUILD)/unit/test_,price pack remote remote_sign): UNIT_LIBS = $(LOADER_LIBS)
$(addprefix $(BUILD)/unit/test_,price pack remote remote_sign): $(LOADER_PARTS)
# what is signed
SIGNED := $(patsubst %,$(BUILD)/obj/loader/%.o,jcs keys manifest files)
$(BUILD)/unit/test_jcs: UNIT_OBJ := $(BUILD)/obj/loader/jcs.o
$(BUILD)/unit/test_manifest: UNIT_OBJ := $(SIGNED)
$(addprefix $(BUILD)/unit/test_,jcs manifest): $(SIGNED)
ANNOUNCE := $(patsubst %,$(BUILD)/obj/loader/%.o,announce nats nats_setup nats_stream nats_url options stop)
$(BUILD)/unit/test_announce: UNIT_OBJ := $(ANNOUNCE)
$(BUILD)/unit/test_announce: UNIT_LIBS = $(LOADER_LIBS)
$(BUILD)/unit/test_announce: $(ANNOUNCE)
$(BUILD)/unit/test_nats_url: UNIT_OBJ := $(BUILD)/obj/loader/nats_url.o
$(BUILD)/unit/test_nats_url: $(BUILD)/obj/loader/nats_url.o
# which of two records counts
ROAM_RULE := $(BUILD)/obj/loader/roam_rule.o
$(BUILD)/unit/test_roam_rule: UNIT_OBJ := $(ROAM_RULE)
$(BUILD)/unit/test_roam_rule: $(ROAM_RULE)

ROAM_WISH := $(BUILD)/obj/loader/roam_wish.o
$(BUILD)/unit/test_roam_wish: UNIT_OBJ := $(ROAM_WISH)
$(BUILD)/unit/test_roam_wish: $(ROAM_WISH)
# deliveries
DELIVERED := $(patsubst %,$(BUILD)/obj/loader/%.o,deliver_queue endpoints endpoints_files files remote_url retry stop webhook)
$(addprefix $(BUILD)/unit/test_,webhook retry endpoints deliver_queue): UNIT_OBJ := $(DELIVERED)
$(addprefix $(BUILD)/unit/test_,webhook retry endpoints): UNIT_OBJ := $(filter-out %/deliver_queue.o,$(DELIVERED))
$(addprefix $(BUILD)/unit/test_,webhook retry endpoints deliver_queue): UNIT_LIBS = $(LOADER_LIBS)
$(addprefix $(BUILD)/unit/test_,webhook retry endpoints deliver_queue): $(DELIVERED)
$(BUILD)/unit/test_case: UNIT_LIBS = $(LOADER_LIBS)

.PHONY: unit
unit: $(UNIT_BIN) ## core's unit tests
	@for t in $(UNIT_BIN); do echo "== $${t##*/}"; $$t || exit 1; done

# most of a behaviour test's time is waiting: four run side by side
PROVE_FLAGS ?= -j4

# what behaviour tests run nginx under
PRELOADS := $(BUILD)/t/txn_check.so $(BUILD)/t/mdb_fails.so \
            $(BUILD)/t/mdb_kills.so $(BUILD)/t/mdb_pauses.so \
            $(BUILD)/t/io_fails.so
$(PRELOADS): $(BUILD)/t/%.so: t/preload/%.c
	@mkdir -p $(@D)
	$(call say,TEST)$(CC) -std=c11 -O1 -g $(WARNINGS) -shared -fPIC $< -o $@ -ldl

$(BUILD)/t/txn_check_fails: t/preload/txn_check_fails.c
	@mkdir -p $(@D)
	$(call say,TEST)$(CC) -std=c11 -O1 -g $(WARNINGS) $< -o $@ -llmdb

# a store by hand
$(BUILD)/t/store: t/store/store.c $(REMOTE_OBJ) $(BUILD)/libonsite.a
	@mkdir -p $(@D)
	$(call say,TEST)$(CC) $(LOADER_CFLAGS) $^ -o $@ $(LDFLAGS_ALL) $(LOADER_LIBS) $(CORE_LIBS)

.PHONY: behaviour
behaviour: build $(PRELOADS) $(BUILD)/t/txn_check_fails $(BUILD)/t/store ## behaviour tests: a real nginx each
	FLAVOUR=$(FLAVOUR) prove -It/lib $(PROVE_FLAGS) $(or $(T),t/*.t)

# npm's packages for all tests that have a peer or a browser there
t/node_modules: t/package.json
	@npm --prefix t install --silent --no-audit --no-fund --no-package-lock; touch $@

.PHONY: browser
browser: build t/node_modules ## the runtime and the demo in headless Chromium; the schema
	@node --test --test-concurrency=2 t/browser/ t/schema/

.PHONY: segment
segment: build $(BUILD)/t/mdb_fails.so t/node_modules ## Segment's clients as published, in node and in Chromium
	@node --test --test-concurrency=2 t/segment/

$(BUILD)/differential/%: t/differential/%.c $(BUILD)/libonsite.a
	@mkdir -p $(@D)
	$(call say,TEST)$(CC) $(CORE_CFLAGS) $< -o $@ $(BUILD)/libonsite.a $(LDFLAGS_ALL) $(CORE_LIBS)

.PHONY: differential
differential: $(BUILD)/differential/evaluate t/node_modules ## conditions against GrowthBook's own evaluator
	@node t/differential/compare.cjs $< $(COUNT) $(SEED)

$(BUILD)/parse5/%: t/parse5/%.c $(BUILD)/libonsite.a
	@mkdir -p $(@D)
	$(call say,TEST)$(CC) $(CORE_CFLAGS) $< -o $@ $(BUILD)/libonsite.a $(LDFLAGS_ALL) $(CORE_LIBS)

.PHONY: differential-html
differential-html: $(BUILD)/parse5/insert $(BUILD)/parse5/balance t/node_modules ## scanner and lint against a whole HTML parser
	@node t/parse5/compare.mjs $< t/node_modules $(COUNT) $(SEED)
	@node t/parse5/balance.mjs $(BUILD)/parse5/balance t/node_modules $(COUNT) $(SEED)

# harnesses link what they need of a libonsite.a of their own flavour, and of
# the loader what is named here
$(BUILD)/bin/fuzz_manifest: FUZZ_OBJ := $(SIGNED)
$(BUILD)/bin/fuzz_manifest: $(SIGNED)
$(BUILD)/bin/%: t/fuzz/%.c $(BUILD)/libonsite.a
	@mkdir -p $(@D) $(BUILD)/corpus/$* t/fuzz/seeds/$(*:fuzz_%=%)
	$(call say,FUZZ)$(CC) $(LOADER_CFLAGS) -fsanitize=fuzzer $< -o $@ $(FUZZ_OBJ) $(BUILD)/libonsite.a $(LDFLAGS_ALL) $(CORE_LIBS)
	@cd $(BUILD) && ./bin/$* -max_total_time=$(or $(FUZZ_SECONDS),5) -verbosity=0 -print_final_stats=1 \
	    corpus/$* $(ROOT)/t/fuzz/seeds/$(*:fuzz_%=%) >$*.log 2>&1 || { cat $*.log; rm -f $@; exit 1; }; \
	grep -h executed_units $*.log

.PHONY: fuzz
fuzz: ## each t/fuzz/fuzz_*.c with clang-14 for FUZZ_SECONDS (5)
	@rm -rf $(ROOT)/build/fuzz/bin
	@$(MAKE) --no-print-directory FLAVOUR=fuzz CC=clang-14 \
	    $(patsubst t/fuzz/%.c,$(ROOT)/build/fuzz/bin/%,$(or $(F),$(wildcard t/fuzz/fuzz_*.c)))
