# Where things go, and the Debian package of them. Included by the Makefile.
#
#     make install DESTDIR=/tmp/image PREFIX=/usr SYSCONFDIR=/etc

PREFIX      ?= /usr/local
SYSCONFDIR  ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
override LIBDIR := $(PREFIX)/lib/orders
override SHAREDIR := $(PREFIX)/share/orders
BINDIR      ?= $(PREFIX)/bin
MANDIR      ?= $(PREFIX)/share/man
COMPLETIONSDIR ?= $(PREFIX)/share/bash-completion/completions
override DOCDIR := $(PREFIX)/share/doc/orders-fcgi
UNITDIR     ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d

EXAMPLES := lighttpd.conf $(wildcard docs/*.conf docs/*.ini) docs/token.sh docs/prometheus-rules.yml docs/grafana.json
SCHEMA   := $(wildcard schema/sqitch.* schema/*.sql schema/*/*.sql)
# Tools beside the schema, which find it by following the link in BINDIR.
TOOLS    := $(wildcard schema/orders-*)

# The paths that units and samples name, as they are here. lighttpd.conf and spawn.sh find files beside themselves: not so the copies.
PATHS := -e 's,/usr/lib/orders,$(LIBDIR),g' -e 's,/usr/share/orders,$(SHAREDIR),g' -e 's,/etc/orders,$(SYSCONFDIR)/orders,g'
SPAWN_PATHS := -e 's,$$here/cgi/orders.fcgi,$$here/orders.fcgi,' -e 's,$$here/run,/run/orders,' \
	-e 's,cgi/orders.fcgi   beside this script.*,beside this script,' -e 's,run               beside this script.*:,/run/orders      :,' \
	-e 's,run/orders.sock   a path,RUN_DIR/orders.sock a path,'
LIGHTTPD_PATHS := -e 's,home + "/docs/errors/",\x22$(SHAREDIR)/errors/\x22,' -e 's,home + "/lighttpd.lua",\x22$(SHAREDIR)/lighttpd.lua\x22,' \
	-e 's,home + "/spawn.sh",\x22$(LIBDIR)/spawn.sh\x22,' -e 's,$$PWD/cgi/orders.fcgi,$(LIBDIR)/orders.fcgi,' -e 's,$$PWD/run,/run/orders,' \
	-e 's,cgi/orders.fcgi    the worker.*,$(LIBDIR)/orders.fcgi; no blanks in its path,' -e 's,run                must exist,/run/orders        must exist,' \
	-e 's,build/page  *,$(SHAREDIR)/page ,'
# Where lighttpd.lua looks for what `make docs` has built.
LUA_PATHS := -e 's,"/build/page","/page",'

install: all ## into DESTDIR, below PREFIX
	install -d $(DESTDIR)$(LIBDIR) $(DESTDIR)$(SHAREDIR)/errors $(DESTDIR)$(MANDIR)/man8 \
		$(DESTDIR)$(DOCDIR)/examples $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSUSERSDIR) $(DESTDIR)$(SYSCONFDIR)/orders
	install -m 755 $(WORKER) $(DESTDIR)$(LIBDIR)
	install -D -m 755 $(CTL) $(DESTDIR)$(BINDIR)/ordersctl
	install -D -m 644 docs/ordersctl.bash-completion $(DESTDIR)$(COMPLETIONSDIR)/ordersctl
	@sed $(SPAWN_PATHS) spawn.sh >$(DESTDIR)$(LIBDIR)/spawn.sh && chmod 755 $(DESTDIR)$(LIBDIR)/spawn.sh
	@! grep -nE 'here/(run|cgi)' $(DESTDIR)$(LIBDIR)/spawn.sh
	@sed $(LUA_PATHS) lighttpd.lua >$(DESTDIR)$(SHAREDIR)/lighttpd.lua && chmod 644 $(DESTDIR)$(SHAREDIR)/lighttpd.lua
	@! grep -n build/ $(DESTDIR)$(SHAREDIR)/lighttpd.lua
	@[ -e build/page/index.html ] || echo 'without /docs: make docs, then make install again, brings it'
	@[ ! -e build/page/index.html ] || for file in $(DOCS); do install -D -m 644 build/page/$$file $(DESTDIR)$(SHAREDIR)/page/$$file || exit; done
	install -m 644 docs/errors/*.html $(DESTDIR)$(SHAREDIR)/errors
	@for file in $(SCHEMA); do install -D -m 644 $$file $(DESTDIR)$(SHAREDIR)/$$file || exit; done
	@for file in $(TOOLS); do install -D -m 755 $$file $(DESTDIR)$(SHAREDIR)/$$file && \
		install -d $(DESTDIR)$(BINDIR) && ln -sfr $(DESTDIR)$(SHAREDIR)/$$file $(DESTDIR)$(BINDIR)/$${file##*/} || exit; done
	install -m 644 docs/*.8 $(DESTDIR)$(MANDIR)/man8
	install -m 644 README.md docs/*.md $(DESTDIR)$(DOCDIR)
	@for file in $(EXAMPLES); do to=$(DESTDIR)$(DOCDIR)/examples/$${file##*/}; \
		sed $(PATHS) $(LIGHTTPD_PATHS) $$file >$$to && chmod "$$([ -x $$file ] && echo 755 || echo 644)" $$to || exit; done
	@! grep -nE 'home \+|\$$PWD/' $(DESTDIR)$(DOCDIR)/examples/lighttpd.conf
	@for unit in orders.service orders.socket; do to=$(DESTDIR)$(UNITDIR)/$$unit; \
		sed $(PATHS) docs/$$unit >$$to && chmod 644 $$to || exit; done
	install -m 644 docs/orders.sysusers $(DESTDIR)$(SYSUSERSDIR)/orders.conf
	@[ -e $(DESTDIR)$(SYSCONFDIR)/orders/orders.env ] || install -m 640 docs/orders.env $(DESTDIR)$(SYSCONFDIR)/orders/orders.env

uninstall: ## what `make install` brought, orders.env aside
	rm -rf $(DESTDIR)$(LIBDIR) $(DESTDIR)$(SHAREDIR) $(DESTDIR)$(DOCDIR)
	rm -f $(DESTDIR)$(BINDIR)/ordersctl $(DESTDIR)$(COMPLETIONSDIR)/ordersctl
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,orders.service orders.socket) $(DESTDIR)$(SYSUSERSDIR)/orders.conf \
		$(patsubst docs/%,$(DESTDIR)$(MANDIR)/man8/%,$(wildcard docs/*.8)) $(patsubst schema/%,$(DESTDIR)$(BINDIR)/%,$(TOOLS))

deb: ## the Debian package, in build/
	@demo/deps.sh build deb docs
	@tests/deb/build.sh
deb-test: deb ## it is installed, used, upgraded and purged in a clean Debian
	@tests/deb/deb.sh

# Of lint.
SH_FILES += $(wildcard debian/*.post* debian/*.pre*)

.PHONY: install uninstall deb deb-test
