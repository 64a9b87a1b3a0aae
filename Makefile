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
CORE_CFLAGS := -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden $(CFLAGS_$(FLAVOUR)) $(WARNINGS) \
               -DPCRE2_CODE_UNIT_WIDTH=8 -I$(MOD)/core $(CPPFLAGS) $(CFLAGS)
LOADER_LIBS := -licui18n -licuuc -lcurl -lzstd -lnats -lmicrohttpd
CORE_LIBS := -llmdb -lmsgpackc -lpcre2-8 -lcrypto -lz -lm
LDFLAGS_ALL := $(LDFLAGS_$(FLAVOUR)) $(LDFLAGS)

CORE_SRC := $(wildcard $(MOD)/core/*.c)
CORE_OBJ := $(CORE_SRC:$(MOD)/core/%.c=$(BUILD)/obj/core/%.o)
# the loader's rooms; no name comes twice
LOADER_DIRS := lmdb-loader $(patsubst %/,%,$(wildcard lmdb-loader/*/))
LOADER_SRC := $(wildcard lmdb-loader/*.c lmdb-loader/*/*.c)
LOADER_OBJ := $(patsubst %.c,$(BUILD)/obj/loader/%.o,$(notdir $(LOADER_SRC)))
LOADER_CFLAGS = $(CORE_CFLAGS) $(LOADER_DIRS:%=-iquote %)

# known crawlers: CRAWLERS=/path/to/crawler-user-agents.json, else through npm
export CRAWLERS
CRAWLER_TABLE := $(ROOT)/build/gen/onsite_crawler_table.c
CORE_OBJ += $(BUILD)/obj/core/onsite_crawler_table.o

$(CRAWLER_TABLE): packaging/crawlers packaging/crawler_table $(CRAWLERS)
	$(call say,GEN)packaging/crawlers $@

$(BUILD)/obj/core/onsite_crawler_table.o: $(CRAWLER_TABLE)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CORE_CFLAGS) -MMD -MP -c $< -o $@

# full case mappings, from perl's Unicode tables
CASE_TABLE := $(ROOT)/build/gen/onsite_case_table.c
CORE_OBJ += $(BUILD)/obj/core/onsite_case_table.o

$(CASE_TABLE): packaging/case_table
	@mkdir -p $(@D)
	$(call say,GEN)packaging/case_table > $@.new && mv $@.new $@

$(BUILD)/obj/core/onsite_case_table.o: $(CASE_TABLE)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CORE_CFLAGS) -MMD -MP -c $< -o $@

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BUILD)/libonsite.a: $(CORE_OBJ)
	@rm -f $@.new; ar rcs $@.new $^ && mv -f $@.new $@

$(BUILD)/obj/core/%.o: $(MOD)/core/%.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CORE_CFLAGS) -MMD -MP -c $< -o $@

$(foreach c,$(LOADER_SRC),$(eval $(BUILD)/obj/loader/$(notdir $(c:.c=.o)): $(c)))
$(LOADER_OBJ):
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(LOADER_CFLAGS) -MMD -MP -c $< -o $@

# what may run is never written into: a new file takes its place
$(BUILD)/lmdb-loader: $(LOADER_OBJ) $(BUILD)/libonsite.a
	$(call say,LINK)$(CC) $(LDFLAGS_ALL) -o $@.new $^ -lcsv $(LOADER_LIBS) $(CORE_LIBS)
	@mv -f $@.new $@

# the runtime as it is served, and as the module holds it
RUNTIME := $(ROOT)/build/gen/onsite.js
$(RUNTIME): packaging/runtime $(wildcard web/*)
	$(call say,GEN)packaging/runtime $@

# The module is built in a shadow of nginx's tree, so that nothing is written
# into it; sources and libonsite.a are followed through nginx's own makefile.
SHADOW := $(BUILD)/nginx
MODULE := $(BUILD)/ngx_http_onsite_module.so
MODULE_C   := $(wildcard $(MOD)/http/*.c)
MODULE_H   := $(wildcard $(MOD)/http/*.h $(MOD)/core/*.h)
MODULE_CC  := -g -O2 -fPIC -fstack-protector-strong -Wextra -Wshadow \
              -Wmissing-prototypes -Wno-unused-parameter $(CFLAGS_$(FLAVOUR)) \
              $(CPPFLAGS) $(CFLAGS)
MODULE_LD  := -fPIC -Wl,-z,relro -Wl,-z,now $(LDFLAGS_ALL)

$(SHADOW)/onsite.configured: config $(BUILD)/nginx-src \
    | $(BUILD)/libonsite.a $(RUNTIME)
	@rm -rf $(SHADOW); mkdir -p $(SHADOW)
	@ln -s $(abspath $(NGINX_SRC))/{auto,src} $(SHADOW)/
	@configure=$$(ls -d $(abspath $(NGINX_SRC))/{,auto/}configure \
	        2> /dev/null | head -1 || true); \
	if [ -z "$$configure" ]; then \
	    echo 'there is no nginx source in $(NGINX_SRC): apt-get install' \
	        'nginx-dev, or make NGINX_SRC=/path/to/nginx' >&2; \
	    exit 1; \
	fi; \
	cd $(SHADOW) && \
	    if [ -f $(abspath $(NGINX_SRC))/conf_flags ]; then \
	        . $(abspath $(NGINX_SRC))/conf_flags; \
	    else \
	        NGX_CONF_FLAGS=(--with-compat --with-http_ssl_module \
	            --with-http_v2_module --with-http_sub_module); \
	    fi; \
	    ONSITE_LIB=$(BUILD)/libonsite.a \
	    sh $$configure "$${NGX_CONF_FLAGS[@]}" \
	        --with-cc-opt='$(MODULE_CC)' --with-ld-opt='$(MODULE_LD)' \
	        --add-dynamic-module=$(ROOT) > configure.log 2>&1 || \
	    { cat configure.log; exit 1; }
	@touch $@

$(MODULE): $(SHADOW)/onsite.configured $(MODULE_C) $(MODULE_H) $(RUNTIME) \
    $(BUILD)/libonsite.a
	@$(MAKE) -s -C $(SHADOW) -f objs/Makefile modules
	@cp $(SHADOW)/objs/ngx_http_onsite_module.so $@.new && mv -f $@.new $@

# What was configured: another tree or another list of files starts afresh.
.PHONY: force
$(BUILD)/nginx-src: force
	@mkdir -p $(@D); echo $(abspath $(NGINX_SRC)) $(MODULE_C) $(MODULE_H) > $@.now; \
	cmp -s $@.now $@ || cp $@.now $@

.PHONY: build
build: $(MODULE) $(BUILD)/lmdb-loader $(BUILD)/onsite.js ## module, loader and runtime

$(BUILD)/onsite.js: $(RUNTIME)
	@mkdir -p $(@D); cp $< $@.new && mv -f $@.new $@

.PHONY: module
module: $(MODULE) ## the nginx module alone

LIBDIR ?= $(PREFIX)/lib
MODULESDIR ?= $(LIBDIR)/nginx/modules

MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/lmdb-loader
CONFDIR ?= /etc/onsite
UNITDIR ?= $(PREFIX)/lib/systemd/system

.PHONY: install
install: build manuals ## into $(DESTDIR)$(PREFIX): module, loader, runtime, units, docs
	install -d $(DESTDIR)$(MODULESDIR) $(DESTDIR)$(PREFIX)/bin \
	    $(DESTDIR)$(PREFIX)/share/onsite $(DESTDIR)$(DOCDIR)/examples \
	    $(DESTDIR)$(UNITDIR) $(DESTDIR)$(MANDIR)/man{1,5} \
	    $(DESTDIR)$(CONFDIR) \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 644 $(MODULE) $(DESTDIR)$(MODULESDIR)/
	install -m 755 $(BUILD)/lmdb-loader $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(BUILD)/onsite.js docs/*.schema.json \
	    $(DESTDIR)$(PREFIX)/share/onsite/
	install -m 644 README.md docs/*.md $(DESTDIR)$(DOCDIR)/
	install -m 644 conf.example packaging/systemd/*.mount \
	    $(DESTDIR)$(DOCDIR)/examples/
	install -m 644 packaging/pop.conf.example $(DESTDIR)$(CONFDIR)/
	install -m 644 $(filter %.1,$(MANUALS)) $(DESTDIR)$(MANDIR)/man1/
	install -m 644 $(filter %.5,$(MANUALS)) $(DESTDIR)$(MANDIR)/man5/
	install -m 644 packaging/completion \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lmdb-loader
	for unit in packaging/systemd/*.service; do \
	    sed 's,/usr/bin/,$(PREFIX)/bin/,' $$unit \
	        > $(DESTDIR)$(UNITDIR)/$${unit##*/} || exit 1; \
	done

VERSION := $(shell sed -n 's/^\#define ONSITE_RELEASE  *"\(.*\)"$$/\1/p' \
    $(MOD)/core/onsite_release.h)

# the pages of docs/ that are manuals, too
MANUALS := $(addprefix $(ROOT)/build/man/,lmdb-loader.1 pop.conf.5)
$(ROOT)/build/man/lmdb-loader.1: docs/loader.md packaging/manual \
    $(MOD)/core/onsite_release.h
	@mkdir -p $(@D)
	$(call say,GEN)packaging/manual lmdb-loader 1 $(VERSION) \
	    'campaigns into snapshots, snapshots to nginx, and what its state holds' \
	    < $< > $@.new && mv $@.new $@

$(ROOT)/build/man/pop.conf.5: docs/pop.conf.md packaging/manual \
    $(MOD)/core/onsite_release.h
	@mkdir -p $(@D)
	$(call say,GEN)packaging/manual pop.conf 5 $(VERSION) \
	    'what the sidecar of Onsite does on a machine' \
	    < $< > $@.new && mv $@.new $@

.PHONY: manuals
manuals: $(MANUALS) ## man pages, from docs/

.PHONY: dist
dist: ## a source archive of what is committed, to build from without npm
	@packaging/dist onsite-$(VERSION) $(ROOT)/build/dist/onsite-$(VERSION).tar.xz

.PHONY: deb
deb: dist ## Debian packages of what is committed, into build/deb
	@packaging/packages deb
	@packaging/deb $(ROOT)/build/dist/onsite-$(VERSION).tar.xz $(ROOT)/build/deb

.PHONY: deb-check
deb-check: deb ## them: lintian, and installed, upgraded and purged out of everybody's sight
	@lintian --allow-root --display-info --pedantic \
	    --fail-on error,warning,info,pedantic $(ROOT)/build/deb/*.changes
	@packaging/deb_check $(ROOT)/build/deb

.PHONY: demo
demo: ## install what it needs, build, start the demo shop on loopback
	@packaging/packages demo
	@$(MAKE) --no-print-directory -j2 build
	@demo/run start

.PHONY: demo-stop
demo-stop: ## stop the demo shop
	@demo/run stop

.PHONY: clean
clean: ## remove build/
	rm -rf $(ROOT)/build

include t/tests.mk
include bench/bench.mk

-include $(CORE_OBJ:.o=.d) $(LOADER_OBJ:.o=.d) $(UNIT_BIN:=.d)
