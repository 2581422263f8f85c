#!/bin/sh
# test.sh PG_CONFIG
#	Runs the tests on private clusters and ends with "N passed, N failed".
#
#	LAYERS='unit regress pgtap tap'   which layers (default: all)
#	TESTS=word                        only files whose name contains the word
#	REGRESS='a b c'                   the regression tests, in order (from the Makefile)
#
# The tests run as the server's user, in a copy of the files that they need: the
# checkout may be one that this user can't enter.

. "$(dirname "$0")/lib.sh"

PG_CONFIG=$1
LAYERS=${LAYERS:-unit regress pgtap tap}
LAYER_TIMEOUT=${LAYER_TIMEOUT:-1800}
cluster=$ROOT/scripts/cluster.sh
export CLUSTER=test

bin=$("$cluster" prefix "$PG_CONFIG") || exit 1
find_home
pgxs=$(dirname "$("$bin/pg_config" --pgxs)")/../..
W=$HOME_PG/test-files

preload=
passed=0
failed=0
notes=
add()
{
	passed=$((passed + $2))
	failed=$((failed + $3))
	notes="$notes
$1: $2 passed, $3 failed"
}

# The one line that programs read comes last, whatever happens.
finish()
{
	trap - EXIT
	"$cluster" stop 2>/dev/null
	[ "$passed" -gt 0 ] || [ "$failed" -gt 0 ] || { echo "no test was found (LAYERS=$LAYERS TESTS=$TESTS)"; failed=1; }
	echo "$notes"
	"$bin/postgres" --version
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}
trap 'failed=$((failed + 1)); finish' EXIT
trap 'exit 1' HUP INT TERM

rm -rf "$W"
mkdir -p "$W/tree" "$W/out"
# shellcheck disable=SC2046
(cd "$ROOT" && tar cf - $(ls -d sql expected test demo scripts "$EXT.control" "$EXT"--*.sql 2>/dev/null)) |
	(cd "$W/tree" && tar xf - --no-same-owner)
mkdir -p "$W/tree/sql" "$W/tree/expected"
chmod -R u+rwX,go+rX "$W"

# files DIR SUFFIX: the tests of a layer, less what TESTS leaves out
files()
{
	for f in "$W/tree/$1"/*"$2"; do
		[ -f "$f" ] || continue
		case $f in */"$1"/*"$TESTS"*) echo "$1/$(basename "$f")" ;; esac
	done
}

want() { case " $LAYERS " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }

# run a layer's command as the server's user, in the copy
run_in_tree()
{
	as_server timeout -k 20 "$LAYER_TIMEOUT" env HOME="$W" LC_ALL=C.UTF-8 LD_PRELOAD="$preload" \
		sh -c 'cd "$0" && exec "$@"' "$W/tree" "$@" </dev/null
}

# tap LAYER FILE...
tap()
{
	layer=$1
	shift
	echo
	echo "== $layer"
	rm -f "$W/out/$layer.sum"
	mkdir -p "$W/out/$layer"
	give "$W/out"
	run_in_tree scripts/tap.pl "$W/out/$layer.sum" "$W/out/$layer" "$@"
	if read -r p f 2>/dev/null <"$W/out/$layer.sum"; then
		if [ "$p" -eq 0 ] && [ "$f" -eq 0 ]; then
			echo "no test ran"
			f=1
		fi
		add "$layer" "$p" "$f"
	else
		add "$layer" 0 1
	fi
}

# -- unit: standalone programs, always with the sanitizers -------------------
u=$(files test/unit .c)
if want unit && [ -n "$u" ]; then
	mkdir -p "$W/tree/test/unit/build"
	programs=
	lib=$("$PG_CONFIG" --pkglibdir)
	for f in $u; do
		o=test/unit/build/$(basename "$f" .c)
		# a unit that needs more says so: /* LDFLAGS: -lfoo */
		flags=$(sed -n 's,^.*LDFLAGS: *\([^*]*\).*,\1,p' "$ROOT/$f")
		# shellcheck disable=SC2086
		if (cd "$ROOT" && ${CC:-gcc} -std=gnu11 -g -O1 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Werror \
			-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -fwrapv \
			-D_GNU_SOURCE -Isrc -Itest/unit -I"$("$PG_CONFIG" --includedir-server)" \
			-o "$W/tree/$o" "$f" -L"$lib" -L"$("$PG_CONFIG" --libdir)" $flags -lpgcommon -lpgport -lcrypto -lm); then
			programs="$programs $o"
		else
			echo "could not build $f"
			add "$f" 0 1
		fi
	done
	export ASAN_OPTIONS=detect_leaks=0
	# shellcheck disable=SC2086
	[ -z "$programs" ] || tap unit $programs
fi

# -- the cluster of regress and pgTAP ----------------------------------------
give "$W"
conf=$W/test.conf
cat >"$conf" <<EOC
fsync = off
timezone = 'UTC'
max_connections = 60
max_prepared_transactions = 10
log_min_messages = warning
ehds.fresh = on
EOC
# A new one for each layer: roles outlive the databases of the layer before.
new_server()
{
	unset PGHOST
	EHDS_CONF=$conf "$cluster" init "$PG_CONFIG" && "$cluster" start || exit 1
	PGHOST=$("$cluster" get sock)
	PGPORT=5432
	PGUSER=postgres
	PGDATABASE=postgres
	PATH=$bin:$PATH
	export PGHOST PGPORT PGUSER PGDATABASE PATH
}

# what of the server's log tells why a test failed
server_log() { grep -E 'PANIC|FATAL|TRAP|terminated by signal|exited with exit code|runtime error|WARNING' "$("$cluster" get log)" | tail -n 20; }

# -- regress -----------------------------------------------------------------
have=$(files sql .sql | sed 's,^sql/,,; s,\.sql$,,')
if want regress && [ -n "$have" ]; then
	new_server
	echo
	echo "== regress"
	# every file has its place in the list, so none is forgotten
	for t in $(ls "$W/tree/sql" | sed -n 's/\.sql$//p'); do
		case " $REGRESS " in *" $t "*) ;; *)
			echo "sql/$t.sql is not in REGRESS (Makefile)"
			add "regress $t (not listed)" 0 1
			;;
		esac
	done
	list=
	for t in $REGRESS; do
		# what comes first prepares the others
		case $t in *"$TESTS"* | create_extension) list="$list $t" ;; esac
	done
	n=$(echo "$list" | wc -w)
	mkdir -p "$W/out/regress"
	give "$W/out"
	# shellcheck disable=SC2086
	run_in_tree "$pgxs/src/test/regress/pg_regress" --inputdir=. --outputdir="$W/out/regress" --bindir="$bin" \
		--host="$PGHOST" --port="$PGPORT" --user="$PGUSER" --dbname=regression $list >"$W/out/regress.log" 2>&1
	cat "$W/out/regress.log"
	# 15 prints "test x ... ok", later ones TAP
	p=$(grep -cE '^(test .*\.\.\. ok|ok +[0-9]+)' "$W/out/regress.log")
	[ "$n" -gt 0 ] || n=1
	if [ "$p" -lt "$n" ]; then
		echo "# ---- regression.diffs"
		head -n 600 "$W/out/regress/regression.diffs" 2>/dev/null
		echo "# ---- server log"
		server_log
		# where a developer looks for the new output
		mkdir -p "$STATE/results" && cp "$W/out/regress/results/"*.out "$STATE/results/" 2>/dev/null
		echo "# results are in .pg/results"
	fi
	add regress "$p" "$((n - p))"
fi

# -- pgTAP -------------------------------------------------------------------
t=$(files test/pgtap .sql)
if want pgtap && [ -n "$t" ]; then
	new_server
	psql -Xq -d postgres -v ON_ERROR_STOP=1 -c 'CREATE DATABASE pgtap_template' &&
		psql -Xq -d pgtap_template -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION pgtap' -c "CREATE EXTENSION $EXT" || exit 1
	# shellcheck disable=SC2086
	tap pgtap $t
fi
"$cluster" stop 2>/dev/null
unset PGHOST PGPORT PGUSER PGDATABASE

# -- Perl TAP: PostgreSQL::Test::Cluster makes its own clusters ---------------
t=$(files test/t .pl)
if want tap && [ -n "$t" ]; then
	key=$W/key
	(umask 077 && head -c 32 /dev/urandom >"$key")
	mkdir -p "$W/out/tap"
	give "$key" "$W/out"
	PATH=$bin:$PATH
	export PATH
	export EHDS_KEY_FILE="$key"
	export PG_REGRESS="$pgxs/src/test/regress/pg_regress"
	export PERL5LIB="$pgxs/src/test/perl"
	export TESTDIR="$W/out/tap" TESTDATADIR="$W/out/tap/tmp_check" TESTLOGDIR="$W/out/tap/tmp_check/log"
	# the locks of the ports that the clusters of PostgreSQL::Test take
	export PGPORT=65432 top_builddir="$W/out/tap"
	# public data beside the checkout, for the tests that can use it
	data=$ROOT/../shared/data
	if [ -d "$data" ]; then
		if ! as_server test -r "$data/README.md"; then
			cp -r "$data" "$W/data" && chmod -R u+rwX,go+rX "$W/data" && data=$W/data
		fi
		export EHDS_DATA="$data"
	fi
	before=$failed
	preload=$EHDS_LD_PRELOAD
	# shellcheck disable=SC2086
	tap tap $t
	if [ "$failed" -gt "$before" ]; then
		for f in "$W/out/tap/tmp_check/log/"*.log; do
			[ -f "$f" ] || continue
			grep -qE 'PANIC|TRAP|terminated by signal|could not start' "$f" || continue
			echo "# ---- $(basename "$f")"
			tail -n 40 "$f"
		done
	fi
fi

finish
