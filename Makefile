# SPDX-License-Identifier: ISC
# The front door. Meson and Ninja do the work; this says what there is.
#
#	make run	build, and run a private mail system below run/
#	make test	everything that must hold, in a quarter of an hour
#	make install	DESTDIR and prefix are honoured
#	make deb	a Debian package in build-deb/
#
# Variables: PORT_BASE (make run listens on PORT_BASE + 25), FUZZ_SECONDS,
# DESTDIR, prefix, sysconfdir, localstatedir.

BUILD     = build
RUN_DIR   = run
PORT_BASE = 2500
SOURCES   = $(shell find src test -name '*.[ch]')
FORMAT    = $(shell command -v clang-format-14 || echo clang-format)
TIDY      = $(shell command -v clang-tidy-14 || echo clang-tidy)

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	tools/deps.sh build
	tools/configure.sh $(BUILD)

programs: $(BUILD)/build.ninja
	ninja -C $(BUILD) programs

run: programs
	tools/run.sh $(BUILD) $(RUN_DIR) $(PORT_BASE)

test:
	tools/deps.sh test
	/usr/bin/python3 test/run.py

unit: all
	meson test -C $(BUILD) --no-rebuild --suite unit

bench: programs
	test/bench/run $(BUILD)

fuzz:
	tools/deps.sh test
	tools/fuzz.sh

format:
	$(FORMAT) -i $(SOURCES)

format-check:
	@$(FORMAT) --dry-run --Werror $(SOURCES)

tidy: all
	$(TIDY) --quiet -p $(BUILD) $(filter-out %_fuzz.c,$(filter %.c,$(SOURCES)))

layers:
	@tools/layers.sh

sizes:
	@tools/sizes.sh

install: programs
	tools/configure.sh $(BUILD)
	ninja -C $(BUILD) programs
	meson install -C $(BUILD) --no-rebuild
	tools/after-install.sh $(BUILD)

# The tests of the package (they are part of "make test"), in a system that
# debootstrap makes.
test-package: programs
	test/package.sh $(BUILD)

deb:
	tools/deps.sh build
	tools/deb.sh

clean:
	rm -rf build build-test build-fuzz build-deb

.PHONY: all programs run test unit bench fuzz format format-check tidy layers sizes \
	install deb test-package clean
