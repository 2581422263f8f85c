#!/bin/sh
# sanitize.sh PG_CONFIG
#	The tests with the extension built for the address and undefined-behaviour
#	sanitizers, in a copy of the tree (its objects are of no use to anybody else).
#
# The server itself is Debian's, so libasan is preloaded into it. On Debian 12 the
# server then hangs at its start, unless a library that is initialised first has
# called malloc once.

. "$(dirname "$0")/lib.sh"

pg_config=$1
make_home
T=$HOME_PG/sanitize
rm -rf "$T"
mkdir -p "$T"
cd "$ROOT" || exit 1
# shellcheck disable=SC2046
tar cf - --exclude='*.o' --exclude='*.d' $(ls -d Makefile scripts src sql expected test demo "$EXT.control") |
	(cd "$T" && tar xf - --no-same-owner)
cd "$T" || exit 1

cc=${CC:-gcc}
cat >first.c <<'EOC'
#include <stdlib.h>
__attribute__((constructor)) static void first(void) { free(malloc(1)); }
EOC
"$cc" -O0 -shared -fPIC -Wl,-z,initfirst -o first.so first.c || exit 1
# an undefined shift or overflow ends the backend: the test sees it, the log tells where
export COPT='-O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-wrapv -fno-omit-frame-pointer'
make -s all PG_CONFIG="$pg_config" WERROR=no || exit 1
scripts/cluster.sh install "$pg_config" || exit 1
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=0:handle_segv=0:verify_asan_link_order=0
export UBSAN_OPTIONS=print_stacktrace=1
libasan=$("$cc" -print-file-name=libasan.so)
export EHDS_LD_PRELOAD="$libasan $T/first.so"
export LAYERS="${LAYERS:-regress pgtap tap}"
scripts/test.sh "$pg_config"
status=$?
export CLUSTER=test
log=$(scripts/cluster.sh get log)
grep -A 25 -E 'AddressSanitizer|runtime error' "$log" | head -n 60
exit $status
