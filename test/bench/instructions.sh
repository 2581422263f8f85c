#!/usr/bin/env bash
# instructions.sh
#	Instructions of one select of pgbench -S, with the library preloaded and without:
#	a count that no other load on the machine changes. By valgrind, in a single-user
#	server on the databases that select_only.sh has made.
#
#	DATA           the folder of their server, which must be stopped
#	RUN='a b'      in front of a command, runs it as the owner of DATA
#
# Plans, and with them the count, are of a server that has no client: the network
# would add to both sides.
set -euo pipefail

: "${DATA:?}"
postgres=$(command -v postgres)
command -v valgrind >/dev/null || { echo '# instructions: not counted, valgrind is not installed'; exit 0; }
[ -z "${CASES:-}" ] || [[ " $CASES " == *" pgbench_select_only "* ]] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# the owner of DATA may be unable to enter the folder that we are in
cd /

# statements PROTOCOL N
statements()
{
	local i
	[ "$1" = simple ] || echo 'PREPARE p(int) AS SELECT abalance FROM pgbench_accounts WHERE aid = $1;'
	for ((i = 0; i < $2; i++)); do
		if [ "$1" = simple ]; then echo "SELECT abalance FROM pgbench_accounts WHERE aid = $((i % 100 + 1));"; else echo "EXECUTE p($((i % 100 + 1)));"; fi
	done
}

# instructions PROTOCOL N LIBRARY DATABASE
instructions()
{
	statements "$1" "$2" >"$work/in"
	${RUN:-} valgrind --tool=callgrind --callgrind-out-file=/dev/null "$postgres" --single -D "$DATA" \
		-c shared_preload_libraries="$3" "$4" <"$work/in" 2>&1 >/dev/null | sed -n 's/.*Collected : //p'
}

# per_select PROTOCOL LIBRARY DATABASE: many selects less few, so that starting up does not count
per_select()
{
	local many few
	many=$(instructions "$1" 700 "$2" "$3")
	few=$(instructions "$1" 200 "$2" "$3")
	echo $(((many - few) / 500))
}

echo '# instructions of one select of pgbench -S: ours: library preloaded; base: without it'
for protocol in prepared simple; do
	base=$(per_select $protocol '' plain)
	for db in plain with_extension; do
		ours=$(per_select $protocol pg_ehds $db)
		echo "BENCH pgbench_select_only_${protocol}_${db} ours=$ours base=$base ratio=$(awk "BEGIN { printf \"%.4f\", $ours / $base }")"
	done
done
