#!/bin/sh
# test-core.sh PG_CONFIG
#	Runs PostgreSQL's own tests against the same server build three times: without
#	the library, with it preloaded, and with the extension in the database too.
#	Ends with "N passed, N failed".
#
#	CORE='regress isolation'   which of PostgreSQL's suites (default: both)
#	CORE_SRC=dir               an unpacked source tree, in place of Debian's
#
# The run without the library is the yardstick. A test passes when PostgreSQL's
# expected output came, or else exactly the output of the run without the library
# (the sources may be of another minor than the server). Every other difference
# fails, unless each of its lines is one that test/core/explained/TEST (or, for the
# extension, TEST.extension) describes by a regular expression, and says why.
#
# The machine's apt configuration stays as it is: source lists, index and cache
# are in a folder of our own.

. "$(dirname "$0")/lib.sh"

# what apt says is read here, so it must not be translated
export LC_ALL=C

PG_CONFIG=$1
CORE=${CORE:-regress isolation}
SUITE_TIMEOUT=${SUITE_TIMEOUT:-1800}
cluster=$ROOT/scripts/cluster.sh
export CLUSTER=core

bin=$("$cluster" prefix "$PG_CONFIG") || exit 1
find_home
pgxs=$(dirname "$("$bin/pg_config" --pgxs)")/../..
version=$("$bin/pg_config" --version | sed 's/^PostgreSQL \([0-9]*\.[0-9]*\).*/\1/')
major=${version%%.*}
W=$HOME_PG/core-files

passed=0
failed=0
notes=

finish()
{
	trap - EXIT
	"$cluster" stop 2>/dev/null
	[ "$passed" -gt 0 ] || [ "$failed" -gt 0 ] || { echo "no test was run (CORE=$CORE)"; failed=1; }
	echo "$notes"
	"$bin/postgres" --version
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}
trap 'failed=$((failed + 1)); finish' EXIT
trap 'exit 1' HUP INT TERM

# -- PostgreSQL's sources -----------------------------------------------------

# apt-get or apt-cache, with source lists, index and cache in $apt
own_apt()
{
	tool=$1
	shift
	"$tool" -q -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}

# The deb-src lines that stand beside the machine's own deb lines.
source_lists()
{
	apt-get indextargets --format '$(CREATED_BY) $(REPO_URI) $(RELEASE) $(COMPONENT) $(SIGNED_BY)' |
		while read -r by uri release component signed; do
			[ "$by" = Packages ] || continue
			case $uri in *debian* | *postgresql*) ;; *) continue ;; esac
			# a key that stands in the list itself comes as text
			case $signed in /*) option="[signed-by=$signed] " ;; *) option= ;; esac
			echo "deb-src $option$uri $release $component"
		done | sort -u
}

# Downloads the sources of the server's own minor or, where the mirror no longer
# has them, the newest of the same major that it has.
download()
{
	command -v apt-get >/dev/null || die "PostgreSQL's sources come from Debian, and there is no apt-get" "CORE_SRC=dir names an unpacked source tree"
	apt=$W/apt
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	source_lists >"$apt/sources.list"
	own_apt apt-get update >"$apt/log" 2>&1
	versions=$(own_apt apt-cache showsrc "postgresql-$major" 2>/dev/null | sed -n 's/^Version: //p' | sort -rV)
	[ -n "$versions" ] || { tail -n 5 "$apt/log"; die "no package source has postgresql-$major"; }
	for v in $(echo "$versions" | grep "^${version}[-~+]") $versions; do
		(cd "$apt" && own_apt apt-get --download-only source "postgresql-$major=$v") >>"$apt/log" 2>&1 || continue
		echo "$apt/postgresql-${major}_${v%-*}.orig.tar".*
		return
	done
	tail -n 5 "$apt/log"
	die "no version of postgresql-$major could be downloaded:" "$versions"
}

rm -rf "$W"
mkdir -p "$W/out"
if [ -z "$CORE_SRC" ]; then
	tarball=$(download) || { echo "$tarball" >&2; exit 1; }
	mkdir "$W/src"
	tar xf "$tarball" -C "$W/src" --strip-components=1 --no-same-owner --wildcards '*/src/test' '*/contrib/spi' '*/configure' || exit 1
	CORE_SRC=$W/src
fi
src_version=$(sed -n "s/^PACKAGE_VERSION='\(.*\)'/\1/p" "$CORE_SRC/configure")
[ "${src_version%%.*}" = "$major" ] || die "the sources are of PostgreSQL ${src_version:-?}, the server of $version"
for s in regress isolation; do
	cp -R "$CORE_SRC/src/test/$s" "$W/$s" || exit 1
done

# regress.so, and what the triggers test loads from the same folder
mkdir "$W/lib"
for f in "$W/regress/regress.c" "$CORE_SRC/contrib/spi/refint.c" "$CORE_SRC/contrib/spi/autoinc.c"; do
	"${CC:-gcc}" -O2 -fPIC -shared -fwrapv -w -I"$("$PG_CONFIG" --includedir-server)" \
		-o "$W/lib/$(basename "$f" .c).so" "$f" || die "could not build $f"
done
chmod -R u+rwX,go+rX "$W"
give "$W"

# -- the runs -----------------------------------------------------------------

# new_server LINE...: a new cluster, with these lines more in its configuration
new_server()
{
	unset PGHOST
	{
		printf '%s\n' 'fsync = off' 'max_connections = 60' 'max_prepared_transactions = 2' "timezone = 'UTC'"
		printf '%s\n' "$@"
	} >"$W/core.conf"
	EHDS_CONF=$W/core.conf "$cluster" init "$PG_CONFIG" && "$cluster" start || exit 1
	PGHOST=$("$cluster" get sock)
	PGPORT=5432
	PGUSER=postgres
	export PGHOST PGPORT PGUSER
}

# suite NAME RUN [OPTION]: into $W/out/RUN/NAME
suite()
{
	o=$W/out/$2/$1
	mkdir -p "$o"
	give "$W/out"
	case $2 in
		none) wanted=0,0 ;;
		preloaded) wanted=1,0 ;;
		extension) wanted=1,1 ;;
	esac
	dbname=regression
	[ "$1" = regress ] || dbname=isolation_regression
	case $1 in
		regress) set -- "$@" --dlpath="$W/lib" --schedule="$W/regress/parallel_schedule" ;;
		isolation) set -- "$@" --schedule="$W/isolation/isolation_schedule" ;;
	esac
	tool=$pgxs/src/test/regress/pg_regress
	[ "$1" = regress ] || tool=$pgxs/src/test/isolation/pg_isolation_regress
	inputs=$W/$1
	shift 2
	as_server timeout -k 20 "$SUITE_TIMEOUT" env PATH="$bin:$PATH" sh -c 'cd "$0" && exec "$@"' "$inputs" \
		"$tool" --inputdir="$inputs" --outputdir="$o" --bindir="$bin" --max-concurrent-tests=20 \
		--host="$PGHOST" --port="$PGPORT" --user="$PGUSER" --no-locale "$@" >"$o/log" 2>&1 </dev/null
	# 15 prints "test x ... ok" or "     x ... FAILED", later ones TAP
	sed -n -E -e 's/^(test)? +([a-zA-Z0-9_.-]+) +\.\.\. ok .*/\2 ok/p; s/^(test)? +([a-zA-Z0-9_.-]+) +\.\.\. FAILED.*/\2 failed/p' \
		-e 's/^ok [0-9]+ +[-+] +([^ ]+) .*/\1 ok/p; s/^not ok [0-9]+ +[-+] +([^ ]+) .*/\1 failed/p' "$o/log" | sort >"$o/tests"
	# was tested what should have been? Only the library itself gives the setting a description.
	there=$("$bin/psql" -XAtq -d "$dbname" -c "SELECT count(short_desc) FROM pg_settings WHERE name = 'ehds.k'" \
		-c "SELECT count(*) FROM pg_extension WHERE extname = '$EXT'" 2>&1 | paste -s -d ,)
	[ "$there" = "$wanted" ] || echo "the library and the extension in the database: $there, expected $wanted" >>"$o/trouble"
	grep -E 'PANIC|TRAP|terminated by signal' "$("$cluster" get log)" >>"$o/trouble"
}

# The lines of a test's output that differ from the run without the library.
difference() { diff -U 3 "$W/out/none/$1/results/$3.out" "$W/out/$2/$1/results/$3.out" | sed '1,2d'; }

# explained RUN TEST: is every changed line on standard input one that a file explains?
explained()
{
	set -- "$ROOT/test/core/explained/$2" "$ROOT/test/core/explained/$2.$1"
	cat "$@" 2>/dev/null | grep -v '^#' >"$W/patterns"
	[ -s "$W/patterns" ] && ! grep '^[-+]' | grep -qvxE -f "$W/patterns"
}

# compare SUITE RUN: counts
compare()
{
	theirs=$W/out/none/$1
	ours=$W/out/$2/$1
	p=0
	f=0
	same=
	told=
	cut -d ' ' -f 1 "$theirs/tests" >"$W/their-tests"
	cut -d ' ' -f 1 "$ours/tests" >"$W/our-tests"
	if [ ! -s "$W/our-tests" ] || ! cmp -s "$W/their-tests" "$W/our-tests"; then
		echo "# ---- $1 $2: not the same tests ran as without the library"
		tail -n 20 "$theirs/log" "$ours/log"
		f=1
	fi
	if [ -s "$theirs/trouble" ] || [ -s "$ours/trouble" ]; then
		cat "$theirs/trouble" "$ours/trouble"
		f=$((f + 1))
	fi
	while read -r t result; do
		difference "$1" "$2" "$t" >"$W/diff"
		if [ "$result" = ok ]; then
			p=$((p + 1))
		elif [ ! -s "$W/diff" ] && [ -f "$theirs/results/$t.out" ] && [ -f "$ours/results/$t.out" ]; then
			same="$same $t"
			p=$((p + 1))
		elif [ -s "$W/diff" ] && explained "$2" "$t" <"$W/diff"; then
			told="$told $t"
			p=$((p + 1))
		else
			echo "# ---- $1 $2: $t differs from the run without the library"
			head -n 200 "$W/diff"
			f=$((f + 1))
		fi
	done <"$ours/tests"
	passed=$((passed + p))
	failed=$((failed + f))
	notes="$notes
$1, $2: $p passed, $f failed${same:+
  as without the library, though not as the tests of $src_version expect:$same}${told:+
  differs, and test/core/explained tells why:$told}"
}

echo "PostgreSQL $version, tests of $src_version"
for run in none preloaded extension; do
	started=$(date +%s)
	case $run in
		none) new_server "shared_preload_libraries = ''" ;;
		*) new_server ;;
	esac
	option=
	[ "$run" != extension ] || option=--load-extension=$EXT
	for s in $CORE; do
		# shellcheck disable=SC2086
		suite "$s" "$run" $option
		echo "== $s, $run: $(grep -c ' ok$' "$W/out/$run/$s/tests") as expected, $(grep -c ' failed$' "$W/out/$run/$s/tests") not, after $(($(date +%s) - started)) s"
	done
done
for s in $CORE; do
	for run in preloaded extension; do compare "$s" "$run"; done
done
finish
