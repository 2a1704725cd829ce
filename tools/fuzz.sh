#!/bin/sh
# SPDX-License-Identifier: ISC
# tools/fuzz.sh [TARGET...] - build the fuzz targets (clang, libFuzzer, ASan,
# UBSan) and run each for FUZZ_SECONDS (default 60) from its corpus in
# test/corpus/TARGET. What is found goes to build-fuzz/found/TARGET; new
# inputs stay in build-fuzz/corpus/TARGET.
set -eu
cd "$(dirname "$0")/.."

seconds=${FUZZ_SECONDS:-60}
build=build-fuzz

if [ ! -e $build/build.ninja ]; then
	CC=clang meson setup $build -Dfuzz=true \
	    -Db_sanitize=address,undefined -Db_lundef=false
fi
ninja -C $build

if [ $# -eq 0 ]; then
	for program in "$build"/test/fuzz-*; do
		[ -x "$program" ] && [ ! -d "$program" ] || continue
		set -- "$@" "${program##*/fuzz-}"
	done
fi

failed=
for target in "$@"; do
	seed=test/corpus/$target
	corpus=$build/corpus/$target
	found=$build/found/$target
	mkdir -p "$corpus" "$found"
	[ -d "$seed" ] || seed=
	echo "fuzz $target: $seconds seconds"
	if ! UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	    "$build/test/fuzz-$target" -max_total_time="$seconds" \
	    -timeout=10 -rss_limit_mb=1024 -print_final_stats=0 -verbosity=0 \
	    -artifact_prefix="$found/" "$corpus" $seed; then
		failed="$failed $target"
	fi
done
if [ -n "$failed" ]; then
	echo "failed:$failed (inputs in $build/found)"
	exit 1
fi
echo "$# targets, nothing found"
