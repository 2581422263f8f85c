#!/bin/sh
# demo.sh PG_CONFIG
#	A fresh demo cluster, and demo/run.sh played on it. The cluster stays up.

. "$(dirname "$0")/lib.sh"

export CLUSTER=demo
cluster=$ROOT/scripts/cluster.sh
[ -f "$ROOT/demo/run.sh" ] || die "there is no demo/run.sh"
"$cluster" init "$1" || exit 1
"$cluster" start || exit 1
. "$STATE/env"
PATH=$("$cluster" get bin):$PATH
export PATH
cd "$ROOT" || exit 1
# the shebang's shell, since a file may have lost its mode bits on the way here
shebang=$(sed -n '1s/^#! *//p' demo/run.sh)
# shellcheck disable=SC2086
exec ${shebang:-/bin/sh} demo/run.sh
