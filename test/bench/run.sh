#!/usr/bin/env bash
# run.sh
#	Times pg_ehds against native SQL on the same server, in the same session.
#	Rebuilds the database of the environment (PGHOST, PGPORT, PGDATABASE, PGUSER).
#
#	ROWS=2000000   stays          RUNS=5   timed runs of each side (at least 3)
#	CASES='a b'    only these
#
# For each case ours and base alternate after one untimed pair, and the line
#	BENCH <case> ours_ms=<n> base_ms=<n> ratio=<n>
# has the medians; ratio is ours / base. Unless the line before says otherwise
# base is count(*) with the same grouping, without workers. Cases that are counted by the
# second print per_s=<n> and have no base. A case whose functions
# are not there is "missing", one that ends in another error "failed"; both make
# the run fail.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
rows=${ROWS:-2000000}
runs=${RUNS:-5}
cases=${CASES:-}
: "${PGHOST:?}" "${PGDATABASE:?}" "${PGUSER:?}"
case $rows$runs in *[!0-9]*) echo "bench: ROWS and RUNS must be whole numbers" >&2; exit 2 ;; esac
[ "$runs" -ge 3 ] || { echo "bench: RUNS must be 3 or more" >&2; exit 2; }
[ "$rows" -ge 10000 ] || { echo "bench: ROWS must be 10000 or more" >&2; exit 2; }
case $PGDATABASE in postgres | template0 | template1) echo "bench: PGDATABASE must name a database that may be dropped" >&2; exit 2 ;; esac
export PSQLRC=/dev/null PGAPPNAME=pg_ehds_bench
export PGOPTIONS="${PGOPTIONS:-} -c jit=off -c client_min_messages=warning"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

super() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

# bench CASE ROLE OURS BASE [SETTINGS [RUNS]]: ours is run as ROLE with SETTINGS, base as the
# superuser without workers, in one session; %d in a statement is the number of the run
bench()
{
	local name=$1 role=$2 ours=$3 base=$4 settings=${5:-} n=${6:-$runs} i
	[ -z "$cases" ] || [[ " $cases " == *" $name "* ]] || return 0
	local alone='SET max_parallel_workers_per_gather = 0;'
	{
		printf '%s\n' '\o /dev/null'
		for ((i = 0; i <= n; i++)); do
			printf '%s\n' '\timing off' "$alone $settings" "SET SESSION AUTHORIZATION $role;" '\timing on' "${ours//%d/$i};"
			printf '%s\n' '\timing off' "RESET SESSION AUTHORIZATION; $alone" '\timing on' "${base//%d/$i};"
		done
	} >"$work/script"
	echo "# $name: ours: ${ours}; base: ${base}${5:+  ($5)}"
	if ! psql -X -q -v ON_ERROR_STOP=1 -v VERBOSITY=verbose <"$work/script" >"$work/out" 2>"$work/err"; then
		bad=1
		# no function, schema, table or column of that name: not built yet
		if grep -qE 'ERROR: +(42883|3F000|42P01|42703|42704)' "$work/err"; then
			echo "BENCH $name missing"
		else
			echo "BENCH $name failed"
		fi
		grep -m1 ERROR "$work/err" | sed "s/^/bench: $name: /" >&2
		return 0
	fi
	awk -v name="$name" '
		function median(a, n,   i, j, t) {
			for (i = 2; i <= n; i++) { t = a[i]; for (j = i - 1; j > 0 && a[j] > t; j--) a[j + 1] = a[j]; a[j + 1] = t }
			return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
		}
		/^Time: / { t++; if (t > 2) { if (t % 2) o[++no] = $2; else b[++nb] = $2 } }
		END { x = median(o, no); y = median(b, nb)
			printf "BENCH %s ours_ms=%.2f base_ms=%.2f ratio=%.2f\n", name, x, y, x / y }' "$work/out"
}

# memory CASE OURS PAIRS [CONTEXT]: bytes that the states of OURS take for each distinct row of PAIRS
memory()
{
	local name=$1 ours=$2 pairs=$3 context=${4:-ehds.k_state}
	[ -z "$cases" ] || [[ " $cases " == *" $name "* ]] || return 0
	super -v ON_ERROR_STOP=1 -c "SET max_parallel_workers_per_gather = 0; SET work_mem = '1GB'" -c BEGIN -c "DECLARE c CURSOR FOR $ours" \
		-c 'MOVE 1 FROM c' -c "SELECT 'BENCH $name bytes_per_pair=' || round(total_bytes / n::numeric, 2) || ' pairs=' || n
			FROM (SELECT sum(total_bytes) AS total_bytes FROM pg_backend_memory_contexts WHERE name LIKE '$context') m,
			(SELECT count(*) AS n FROM (SELECT DISTINCT * FROM ($pairs) p) d) p" -c ROLLBACK || { bad=1; echo "BENCH $name failed"; }
}

# draws CASE OURS: draws a second, OURS being one draw; a million of them in a statement
draws()
{
	local name=$1 ours="SELECT count($2) FROM generate_series(1, 1000000)" i
	[ -z "$cases" ] || [[ " $cases " == *" $name "* ]] || return 0
	echo "# $name: ours: $ours"
	{
		printf '%s\n' 'SET max_parallel_workers_per_gather = 0;' '\timing on'
		for ((i = 0; i <= runs; i++)); do printf '%s;\n' "$ours"; done
	} >"$work/script"
	if ! psql -X -q -v ON_ERROR_STOP=1 <"$work/script" >"$work/out" 2>"$work/err"; then
		bad=1
		echo "BENCH $name failed"
		grep -m1 ERROR "$work/err" | sed "s/^/bench: $name: /" >&2
		return 0
	fi
	sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' "$work/out" | tail -n +2 | sort -n |
		awk -v name="$name" '{ t[NR] = $1 } END { m = t[int((NR + 1) / 2)]; printf "BENCH %s ours_ms=%.2f per_s=%.0f\n", name, m, 1e9 / m }'
}

# sessions CASE ROLE OURS: statements a second of 16 sessions that send OURS for ten seconds
sessions()
{
	local name=$1 role=$2 ours=$3 tps
	[ -z "$cases" ] || [[ " $cases " == *" $name "* ]] || return 0
	echo "# $name: ours: $ours; 16 sessions"
	printf '%s;\n' "$ours" >"$work/script"
	if ! pgbench -n -c 16 -j 2 -T 10 -M prepared -U "$role" -f "$work/script" "$PGDATABASE" >"$work/out" 2>"$work/err" ||
		! tps=$(sed -n 's/^tps = \([0-9]*\).*/\1/p' "$work/out") || [ -z "$tps" ] || grep -q ERROR "$work/err"; then
		bad=1
		echo "BENCH $name failed"
		grep -m1 ERROR "$work/err" | sed "s/^/bench: $name: /" >&2
		return 0
	fi
	echo "BENCH $name per_s=$tps"
}

# planning CASE ROLE SQL: what planning a query costs, in which %s stands for the schema of its tables.
# The prepared query, which must have the parameter :concept, is executed with a plan of its own each time and with one kept plan; the
# difference is the planning, whatever recording and executing cost. EXPLAIN is refused under permits.
planning()
{
	local name=$1 role=$2 sql=$3 ours_schema=$4 base_schema=$5 i side mode user schema
	[ -z "$cases" ] || [[ " $cases " == *" $name "* ]] || return 0
	echo "# $name: planning of ${sql//%s/$ours_schema}; base: on the stored tables"
	rm -f "$work"/plan.*
	for ((i = 0; i <= runs; i++)); do
		for side in ours base; do
			if [ "$side" = ours ]; then user=$role schema=$ours_schema; else user=$PGUSER schema=$base_schema; fi
			printf '%s\n' '\set concept 201826' "${sql//%s/$schema};" >"$work/query"
			for mode in force_custom_plan force_generic_plan; do
				PGOPTIONS="$PGOPTIONS -c plan_cache_mode=$mode" pgbench -n -M prepared -T 1 -U "$user" -f "$work/query" >"$work/out" 2>"$work/err" ||
					{ bad=1; echo "BENCH $name failed"; grep -m1 -i error "$work/err" >&2; return 0; }
				[ "$i" -eq 0 ] || sed -n 's/^latency average = \([0-9.]*\) ms/\1/p' "$work/out" >>"$work/plan.$side.$mode"
			done
		done
	done
	for side in ours base; do
		paste "$work/plan.$side.force_custom_plan" "$work/plan.$side.force_generic_plan" |
			awk '{ print $1 - $2 }' | sort -n | sed -n "$(((runs + 1) / 2))p"
	done | paste -s | awk -v name="$name" '{ printf "BENCH %s ours_ms=%.3f base_ms=%.3f ratio=%.2f overhead_ms=%.3f\n", name, $1, $2, $1 / $2, $1 - $2 }'
}

# Data, roles, permits ----------------------------------------------------------------

people='bench_dba bench_issuer bench_activator bench_analyst bench_dashboard bench_pipeline bench_planner'
super -d postgres -c 'SET client_min_messages = warning' \
	-c "DROP DATABASE IF EXISTS \"$PGDATABASE\" WITH (FORCE)" -c "CREATE DATABASE \"$PGDATABASE\""
for role in $people; do super -d postgres -c "DROP ROLE IF EXISTS $role"; done

started=$SECONDS
super -v rows="$rows" -f "$here/data.sql"
echo "# $(super -c 'SHOW server_version'), $rows stays of $(super -c 'SELECT count(DISTINCT person_id) FROM bench.stay') persons, $(super -c 'SELECT count(DISTINCT code) FROM bench.stay') codes, made in $((SECONDS - started)) s; $runs runs"

for role in $people; do super -c "CREATE ROLE $role LOGIN"; done
have=1
super -c 'CREATE EXTENSION pg_ehds' || { have=; echo "bench: without the extension every case is missing" >&2; }

# A statement of the preparation that fails leaves its cases missing or failed.
prepare() { [ -z "$have" ] || PGUSER=$1 psql -X -q -A -t -v ON_ERROR_STOP=1 -o /dev/null -c "$2" || echo "bench: could not prepare: $2" >&2; }

prepare "$PGUSER" "GRANT ehds_admin TO bench_issuer, bench_activator"
prepare "$PGUSER" "SELECT ehds.protect('bench.stay', subject => 'person_id')"
prepare "$PGUSER" "SELECT ehds.protect('bench.subject', subject => 'person_id')"
prepare "$PGUSER" "SELECT ehds.protect('bench.tiny', subject => 'person_id')"
prepare "$PGUSER" "SELECT ehds.protect('bench.one', subject => 'person_id')"

# permit NAME GRANTEE 'TABLE ...' OPTIONS
permit()
{
	local table
	prepare bench_issuer "SELECT ehds.issue_permit('$1', grantee => '$2', purpose => 'research',
		valid_until => current_date + 1, $4)"
	for table in $3; do prepare bench_issuer "SELECT ehds.permit_table('$1', '$table')"; done
	prepare bench_activator "SELECT ehds.activate_permit('$1')"
}
permit bench-k bench_analyst bench.stay "output => 'statistics', k => 11"
permit bench-dp bench_dashboard bench.stay "output => 'statistics', epsilon => 3, delta => 1e-6, epsilon_default => 0.01"
permit bench-dp-subject bench_dashboard bench.subject "output => 'statistics', epsilon => 3, delta => 1e-6, epsilon_default => 0.01"
permit bench-charge bench_dashboard bench.tiny "output => 'statistics', epsilon => 3, delta => 1e-6, epsilon_default => 0.01"
permit bench-charges bench_dashboard bench.one "output => 'statistics', epsilon => 1000000, delta => 1e-6, epsilon_default => 0.01"
permit bench-rows bench_pipeline bench.stay "output => 'pseudonymised'"
five='bench.person bench.visit bench.condition bench.drug bench.measurement'
for table in $five; do prepare "$PGUSER" "SELECT ehds.protect('$table', subject => 'person_id')"; done
permit bench-plan bench_planner "$five" "output => 'statistics', k => 11"
for ((i = 0; i <= 3; i++)); do permit "bench-extract-$i" bench_pipeline bench.stay "output => 'pseudonymised'"; done
prepare "$PGUSER" 'CHECKPOINT'

# Cases ---------------------------------------------------------------------------------

by_region='SELECT region, count(*) FROM bench.stay GROUP BY region'
by_code='SELECT code, count(*) FROM bench.stay GROUP BY code'

bench k_met_region "$PGUSER" 'SELECT region, ehds.k_met(person_id) FROM bench.stay GROUP BY region' "$by_region"
bench k_met_code "$PGUSER" 'SELECT code, ehds.k_met(person_id) FROM bench.stay GROUP BY code' "$by_code"
bench k_count_region "$PGUSER" 'SELECT region, ehds.k_count(person_id) FROM bench.stay GROUP BY region' "$by_region"
bench k_count_code "$PGUSER" 'SELECT code, ehds.k_count(person_id) FROM bench.stay GROUP BY code' "$by_code"
bench k_sum_region "$PGUSER" 'SELECT region, ehds.k_sum(person_id, days) FROM bench.stay GROUP BY region' "$by_region"
bench k_rows_region "$PGUSER" 'SELECT region, ehds.k_rows(person_id) FROM bench.stay GROUP BY region' "$by_region"
bench k_avg_region "$PGUSER" 'SELECT region, ehds.k_avg(person_id, days) FROM bench.stay GROUP BY region' \
	'SELECT region, avg(days) FROM bench.stay GROUP BY region'
bench k_median_region "$PGUSER" 'SELECT region, ehds.k_median(person_id, days) FROM bench.stay GROUP BY region' \
	'SELECT region, percentile_cont(0.5) WITHIN GROUP (ORDER BY days) FROM bench.stay GROUP BY region'
bench k_count_text_region "$PGUSER" 'SELECT region, ehds.k_count(person) FROM bench.stay_text GROUP BY region' \
	'SELECT region, count(*) FROM bench.stay_text GROUP BY region'
bench k_count_uuid_region "$PGUSER" 'SELECT region, ehds.k_count(person) FROM bench.stay_uuid GROUP BY region' \
	'SELECT region, count(*) FROM bench.stay_uuid GROUP BY region'
bench k_count_region_workers2 "$PGUSER" 'SELECT region, ehds.k_count(person_id) FROM bench.stay GROUP BY region' \
	'SELECT region, ehds.k_count(person_id) FROM bench.stay GROUP BY region' \
	'SET max_parallel_workers_per_gather = 2;'
bench k_gate_region bench_analyst 'SELECT region, count(DISTINCT person_id) FROM permit_bench_k.stay GROUP BY region' "$by_region"
collect='FROM (SELECT ehds.dp_collect(person_id, 3, 1::bigint, %k) AS c FROM bench.stay) a, LATERAL ehds.dp_groups(a.c) AS f(k integer, n bigint)'
bench dp_count_region bench_dashboard 'SELECT region, ehds.dp_count(person_id) FROM permit_bench_dp.stay GROUP BY region' "$by_region" 'SET ehds.max_groups = 3;'
bench dp_count_code bench_dashboard 'SELECT code, ehds.dp_count(person_id) FROM permit_bench_dp.stay GROUP BY code' "$by_code" 'SET ehds.max_groups = 3;'
bench dp_count_subject_key bench_dashboard 'SELECT region, ehds.dp_count(person_id) FROM permit_bench_dp_subject.subject GROUP BY region' \
	'SELECT region, count(*) FROM bench.subject GROUP BY region'
bench dp_sum_region bench_dashboard 'SELECT region, ehds.dp_sum(person_id, days, 0, 100) FROM permit_bench_dp.stay GROUP BY region' "$by_region" 'SET ehds.max_groups = 3;'
bench dp_median_region bench_dashboard 'SELECT region, ehds.dp_median(person_id, days, 0, 100) FROM permit_bench_dp.stay GROUP BY region' "$by_region" 'SET ehds.max_groups = 3;'
bench dp_avg_region bench_dashboard 'SELECT region, ehds.dp_avg(person_id, days, 0, 100) FROM permit_bench_dp.stay GROUP BY region' \
	'SELECT region, avg(days) FROM bench.stay GROUP BY region' 'SET ehds.max_groups = 3;'
bench dp_count_region_workers2 "$PGUSER" "SELECT f.* ${collect/\%k/region}" "SELECT f.* ${collect/\%k/region}" 'SET max_parallel_workers_per_gather = 2;'
gather="FROM (SELECT ehds.dp_gather(person_id, 3, 1::bigint, 'sum 1 0 100 1 1', region, days) AS c FROM bench.stay) a, LATERAL ehds.dp_groups(a.c) AS f(k integer, n bigint, s numeric)"
bench dp_sum_region_workers2 "$PGUSER" "SELECT f.* $gather" "SELECT f.* $gather" 'SET max_parallel_workers_per_gather = 2;'
many=${collect/person_id/person_id % 100000}
bench dp_count_region_workers2_rows50 "$PGUSER" "SELECT f.* ${many/\%k/region}" "SELECT f.* ${many/\%k/region}" 'SET max_parallel_workers_per_gather = 2;'
memory k_count_memory_code 'SELECT code, ehds.k_count(person_id) FROM bench.stay GROUP BY code' 'SELECT code, person_id FROM bench.stay'
memory dp_count_memory_region "SELECT ehds.dp_collect(person_id, 3, 1::bigint, region) FROM bench.stay" 'SELECT person_id FROM bench.stay' 'ehds.dp_collect%'
memory dp_count_memory_code "SELECT ehds.dp_collect(person_id, 3, 1::bigint, code) FROM bench.stay" 'SELECT person_id FROM bench.stay' 'ehds.dp_collect%'
bench pseudonymised_view bench_pipeline 'SELECT count(*) FROM permit_bench_rows.stay' 'SELECT count(*) FROM bench.stay'
bench pseudonymised_values bench_pipeline 'SELECT count(stay_id), count(person_id) FROM permit_bench_rows.stay' \
	'SELECT count(stay_id), count(person_id) FROM bench.stay'
bench extract bench_pipeline "CALL ehds.extract('bench-extract-%d')" 'CREATE TABLE bench.copy_%d AS SELECT * FROM bench.stay' '' 3
bench charge bench_dashboard 'SELECT ehds.dp_count(person_id) FROM permit_bench_charge.tiny' 'SELECT count(*) FROM bench.tiny' '' 21
sessions charges_16_sessions bench_dashboard 'SELECT ehds.dp_count(person_id) FROM permit_bench_charges.one'
draws draw_laplace 'ehds.discrete_laplace(1000)'
draws draw_gaussian 'ehds.discrete_gaussian(1000)'

planning gate_planning bench_planner "SELECT v.kind, count(DISTINCT p.person_id) FROM %s.person p
	JOIN %s.visit v ON v.person_id = p.person_id JOIN %s.condition c ON c.person_id = p.person_id
	JOIN %s.drug d ON d.person_id = p.person_id JOIN %s.measurement m ON m.person_id = p.person_id
	WHERE c.concept_id = :concept AND d.concept_id IN (1503297, 1580747) AND m.concept_id = 3004410
	AND p.birth_year BETWEEN 1950 AND 1980 GROUP BY v.kind" permit_bench_plan bench

# Growth: so many rows of a fifth as many persons, made on the way; keys that are dense, as
# those of a sequence are, and keys that are scattered over all 64 bits.
made='FROM generate_series(1, %r / 1000) a, generate_series(1, 1000) b GROUP BY region'
for millions in 1 5 20; do
	from=${made//%r/${millions}000000}
	person="(hashint8extended(a * 1000::bigint + b, 2) & 9223372036854775807) % (${millions}000000 / 5)"
	region='(hashint8(a * 1000::bigint + b) & 1048575) % 13 AS region'
	bench "k_count_growth_${millions}" "$PGUSER" "SELECT $region, ehds.k_count($person) $from" "SELECT $region, count($person) $from" '' 3
	memory "k_count_memory_dense_${millions}" "SELECT $region, ehds.k_count($person) $from" "SELECT $region, $person AS person ${from/GROUP BY region/}"
	person="hashint8extended($person, 7)"
	memory "k_count_memory_scattered_${millions}" "SELECT $region, ehds.k_count($person) $from" "SELECT $region, $person AS person ${from/GROUP BY region/}"
done

exit $bad
