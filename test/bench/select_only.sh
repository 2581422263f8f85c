#!/usr/bin/env bash
# select_only.sh
#	What pg_ehds costs those who have nothing to do with it: pgbench's select-only
#	transactions on a server that has not loaded the library (BASE_HOST), on one that
#	has (PGHOST), and there in a database with the extension, but without a permit.
#
#	RUNS=5   alternating runs of each side, of 2 seconds; medians are printed
#	CASES='a b'    only these
#
# Time differs from run to run by more than what is looked for here: instructions.sh
# counts the instructions of the same queries.
set -euo pipefail

runs=${RUNS:-5}
: "${PGHOST:?}" "${BASE_HOST:?}"
export PGAPPNAME=pg_ehds_bench PGOPTIONS='-c jit=off'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wanted() { [ -z "${CASES:-}" ] || [[ " $CASES " == *" $1 "* ]]; }
wanted pgbench_select_only || wanted pgbench_select_only_simple || wanted pgbench_select_only_preloaded || exit 0

for at in "$BASE_HOST plain" "$PGHOST plain" "$PGHOST with_extension" "$BASE_HOST with_extension"; do
	host=${at% *}
	db=${at#* }
	psql -X -q -h "$host" -d postgres -c 'SET client_min_messages = warning' -c "DROP DATABASE IF EXISTS $db" -c "CREATE DATABASE $db"
	pgbench -q -i -s 1 -h "$host" "$db" >/dev/null 2>&1
	[ "$db" = plain ] || psql -X -q -h "$host" -d "$db" -c 'CREATE EXTENSION pg_ehds'
	psql -X -q -h "$host" -d "$db" -c 'VACUUM (FREEZE, ANALYZE)'
done

once() { pgbench -n -S -T 2 -M "$3" -h "$1" "$2" 2>/dev/null | sed -n 's/^latency average = \([0-9.]*\) ms/\1/p'; }

# pairs CASE PROTOCOL DATABASE: base is the server without the library
pairs()
{
	wanted "$1" || return 0
	local i ours base
	: >"$work/pairs"
	for ((i = 0; i <= runs; i++)); do
		base=$(once "$BASE_HOST" plain "$2")
		ours=$(once "$PGHOST" "$3" "$2")
		[ "$i" -eq 0 ] || echo "$ours $base $ours $base" | awk '{ print $1, $2, $3 / $4 }' >>"$work/pairs"
	done
	for c in 1 2 3; do cut -d ' ' -f $c "$work/pairs" | sort -n | sed -n "$(((runs + 1) / 2))p"; done | paste -s |
		awk -v name="$1" -v low="$(cut -d ' ' -f 3 "$work/pairs" | sort -n | head -n 1)" -v high="$(cut -d ' ' -f 3 "$work/pairs" | sort -n | tail -n 1)" \
			'{ printf "BENCH %s ours_ms=%.4f base_ms=%.4f ratio=%.3f lowest=%.3f highest=%.3f\n", name, $1, $2, $3, low, high }'
}
echo "# pgbench -S: ours: library preloaded; base: a server without it; ratio: median of the pairs' ratios"
pairs pgbench_select_only prepared with_extension
pairs pgbench_select_only_simple simple with_extension
pairs pgbench_select_only_preloaded prepared plain
