#!/bin/sh
# bench.sh PG_CONFIG
#	Runs test/bench/*.sh on a private cluster of its own, and on one that has not loaded
#	the library; both are stopped afterwards.
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
ehds.fresh = on
EOC
base_conf=$HOME_PG/bench-base.conf
{
	cat "$conf"
	echo "shared_preload_libraries = ''"
} >"$base_conf"
trap '"$cluster" stop 2>/dev/null; CLUSTER=bench-base "$cluster" stop 2>/dev/null' EXIT
trap 'exit 1' HUP INT TERM
EHDS_CONF=$conf "$cluster" init "$1" || exit 1
"$cluster" start || exit 1
eval "$("$cluster" env)"
PATH=$("$cluster" get bin):$PATH
export PATH
cd "$ROOT" || exit 1
status=0
test/bench/run.sh || status=1

# -- who has nothing to do with it ----------------------------------------------
EHDS_CONF=$base_conf CLUSTER=bench-base "$cluster" init "$1" || exit 1
CLUSTER=bench-base "$cluster" start || exit 1
BASE_HOST=$(CLUSTER=bench-base "$cluster" get sock)
DATA=$(CLUSTER=bench-base "$cluster" get data)
RUN=
! is_root || RUN='runuser -u postgres --'
export BASE_HOST DATA RUN
test/bench/select_only.sh || status=1
CLUSTER=bench-base "$cluster" stop
test/bench/instructions.sh || status=1
exit $status
