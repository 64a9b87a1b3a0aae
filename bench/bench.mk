# bench.mk - benchmarks; where there is a peer, it runs in the same run.

$(BUILD)/bench/%: bench/%.c $(BUILD)/libonsite.a
	@mkdir -p $(@D)
	$(call say,BENCH)$(CC) $(CORE_CFLAGS) $< -o $@ $(BUILD)/libonsite.a $(LDFLAGS_ALL) $(CORE_LIBS)

.PHONY: bench
bench: build $(BUILD)/bench/populate $(BUILD)/bench/timers $(BUILD)/bench/pack ## all that docs/measurements.md tells
	@packaging/packages bench
	@$(MAKE) --no-print-directory bench-decide bench-journey bench-record bench-store \
	    bench-tables bench-scanner bench-condition bench-crawler bench-json
	@bench/http
	@bench/reload
	@bench/timers
	@bench/drain
	@bench/cost
	@bench/roam
	@bench/checkpoint
	@bench/stores
	@bench/live
	@$(MAKE) --no-print-directory bench-runtime
	@bench/ttfb

.PHONY: bench-http
bench-http: build $(BUILD)/bench/populate ## beacons, pages and batches against their peers
	@bench/http $(BENCH_FLAGS)

.PHONY: bench-ttfb
bench-ttfb: build ## what a page's first byte waits for us, from an upstream that streams
	@bench/ttfb $(BENCH_FLAGS)

.PHONY: bench-timers
bench-timers: build $(BUILD)/bench/timers ## 1M timers that wait, and 10,000 due a second
	@bench/timers $(BENCH_FLAGS)

.PHONY: bench-drain
bench-drain: build $(BUILD)/bench/populate ## events a second that leave, and beacons beside
	@bench/drain $(BENCH_FLAGS)

.PHONY: bench-roam
bench-roam: build $(BUILD)/bench/populate ## what roaming costs a beacon, and how fast records come and go
	@bench/roam $(BENCH_FLAGS)

.PHONY: bench-cost
bench-cost: build $(BUILD)/bench/populate ## a million events in core-seconds and dollars
	@bench/cost $(BENCH_FLAGS)

.PHONY: bench-checkpoint
bench-checkpoint: build $(BUILD)/bench/populate ## what a copy of a live state costs its writers, 1M visitors
	@bench/checkpoint $(BENCH_FLAGS)

$(BUILD)/bench/pack: bench/pack.c $(BUILD)/obj/loader/pack.o $(BUILD)/obj/loader/bar.o $(BUILD)/libonsite.a
	@mkdir -p $(@D)
	$(call say,BENCH)$(CC) $(LOADER_CFLAGS) $^ -o $@ $(LDFLAGS_ALL) $(LOADER_LIBS) $(CORE_LIBS)

.PHONY: bench-stores
bench-stores: build $(BUILD)/bench/pack ## snapshots on their way: whole, and as a patch
	@bench/stores $(BENCH_FLAGS)

.PHONY: bench-live
bench-live: build ## from publish until it is live on three POPs
	@bench/live $(BENCH_FLAGS)

.PHONY: bench-reload
bench-reload: build ## what a new snapshot costs the requests under way
	@bench/reload $(BENCH_FLAGS)

.PHONY: bench-decide
bench-decide: $(BUILD)/bench/decide ## a decision with 10 to 100,000 campaigns
	@$<

.PHONY: bench-condition
bench-condition: $(BUILD)/bench/condition ## conditions a second
	@$<

.PHONY: bench-crawler
bench-crawler: $(BUILD)/bench/crawler ## whether a user agent is a crawler's
	@$<

.PHONY: bench-record
bench-record: $(BUILD)/bench/record ## visitor records: time and room
	@$<

# manuals in HTML that Debian packages
PAGES := postgresql-doc-15 python3.11-doc apache2-doc

.PHONY: bench-scanner
bench-scanner: $(BUILD)/bench/scanner ## the HTML scanner on 25 MB of pages of each kind
	@cd $(BUILD)/bench && for package in $(PAGES); do \
	    dpkg -L $$package 2>/dev/null | grep -E '\.html(\.[a-z-]+)?$$' >$$package || rm -f $$package; \
	done; ./scanner $(or $(ROUNDS),21) $$(ls $(PAGES) 2>/dev/null)

.PHONY: bench-journey
bench-journey: $(BUILD)/bench/journey ## an event that advances 20 journeys, beside a plain one
	@dir=$$(mktemp -d -p /dev/shm onsite-bench-XXXXXX); \
	trap 'rm -rf "$$dir"' EXIT; $< "$$dir"

.PHONY: bench-tables
bench-tables: $(BUILD)/bench/tables $(BUILD)/lmdb-loader ## slow data: building 1M profiles, looking one up
	@bench/tables $< $(BUILD)/lmdb-loader

.PHONY: bench-store
bench-store: $(BUILD)/bench/store ## visitor state alone: transactions a second, bytes a visitor
	@dir=$$(mktemp -d -p /dev/shm onsite-bench-XXXXXX); \
	trap 'rm -rf "$$dir"' EXIT; $< 1000000 512 "$$dir"

# candidates of one question, kept to ask it again
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

.PHONY: bench-json
bench-json: $(BUILD)/bench/json ## JSON libraries on a track call, and what follows
	@$<

.PHONY: bench-runtime
bench-runtime: $(BUILD)/onsite.js t/node_modules ## what onsite.js costs a page: size, main thread, layout shift
	@node bench/runtime.mjs
