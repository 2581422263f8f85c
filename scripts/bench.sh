#!/bin/sh
# bench.sh PG_CONFIG
#	Runs test/bench/run.sh on a private cluster of its own, which is stopped afterwards.
#
# fsync stays on: what a charge costs is part of what is measured.

. "$(dirname "$0")/lib.sh"

export CLUSTER=bench
cluster=$ROOT/scripts/cluster.sh
[ -f "$ROOT/test/bench/run.sh" ] || die "there is no test/bench/run.sh"
make_home
conf=$HOME_PG/bench.conf
cat >"$conf" <<EOC
shared_buffers = 512MB
work_mem = 64MB
max_wal_size = 4GB
checkpoint_timeout = 30min
autovacuum = off
jit = off
EOC
trap '"$cluster" stop 2>/dev/null' EXIT
trap 'exit 1' HUP INT TERM
EHDS_CONF=$conf "$cluster" init "$1" || exit 1
"$cluster" start || exit 1
eval "$("$cluster" env)"
PATH=$("$cluster" get bin):$PATH
export PATH
cd "$ROOT" || exit 1
shebang=$(sed -n '1s/^#! *//p' test/bench/run.sh)
# shellcheck disable=SC2086
${shebang:-/bin/sh} test/bench/run.sh
