#!/bin/sh
# lint.sh LIBRARY [PG_CONFIG]
#	All checks that need no server. The compiler's own (-Wall -Wextra -Werror) have
#	run when LIBRARY was built. Ends with "lint: ok" or the number of failed checks.

. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1

LIBRARY=$1
bad=0

# check NAME COMMAND...: a check is a command; what it prints is shown when it fails
check()
{
	name=$1
	shift
	if out=$("$@" 2>&1); then
		# warnings
		[ -z "$out" ] || echo "$out"
		echo "ok      $name"
	else
		echo "$out"
		echo "FAILED  $name"
		bad=$((bad + 1))
	fi
}

c_files() { find src test/unit -name '*.[ch]' 2>/dev/null | sort; }

# Fails if grep finds something.
none() { ! grep -Hn "$@"; }

format()
{
	# shellcheck disable=SC2046
	clang-format --dry-run -Werror $(c_files) 2>&1 | grep -A 2 'error:' | head -n 60
	# shellcheck disable=SC2046
	clang-format --dry-run -Werror $(c_files) >/dev/null 2>&1 || { echo 'make format repairs it'; return 1; }
}

cppcheck_run()
{
	cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability --inline-suppr \
		--error-exitcode=1 --include=scripts/cppcheck.h -Isrc src
}

# cppcheck passes over a file that stops it, without a word. So it must find a
# planted error at the end of every file.
cppcheck_sees()
(
	t=$(mktemp -d) || exit 1
	trap 'rm -rf "$t"' EXIT
	r=0
	cp -r src "$t/src"
	for f in $(cd "$t" && find src -name '*.c'); do
		echo 'int planted(void); int planted(void) { int a[1]; a[0] = 0; return a[2]; }' >>"$t/$f"
	done
	seen=$(cppcheck --quiet --std=c11 --language=c --include=scripts/cppcheck.h -I"$t/src" \
		--template='{file} {id}' "$t/src" 2>&1)
	for f in $(cd "$t" && find src -name '*.c'); do
		echo "$seen" | grep -q "^$t/$f arrayIndexOutOfBounds" || { echo "$f: cppcheck can't read it to its end (scripts/cppcheck.h may lack a macro)"; r=1; }
	done
	exit $r
)

layer_of()
{
	case $1 in
		core) echo 0 ;;
		noise | total | kanon | suppress | additive | dp | pseudonym | cellkey | generalise) echo 1 ;;
		catalog | ledger) echo 2 ;;
		gate | extract) echo 3 ;;
		.) echo 4 ;;
		*) echo none ;;
	esac
}

# A file includes headers of its own layer and of lower ones only.
layers()
{
	r=0
	for f in $(find src -name '*.[ch]' | sort); do
		room=${f#src/}
		case $room in */*) room=${room%%/*} ;; *) room=. ;; esac
		mine=$(layer_of "$room")
		[ "$mine" != none ] || { echo "$f: room $room has no layer (scripts/lint.sh)"; r=1; continue; }
		for inc in $(sed -n 's/^#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$f"); do
			[ -f "src/$inc" ] || continue
			case $inc in */*) theirs=$(layer_of "${inc%%/*}") ;; *) theirs=4 ;; esac
			if [ "$theirs" -gt "$mine" ]; then
				echo "$f: layer $mine includes \"$inc\" of layer $theirs"
				r=1
			fi
		done
	done
	return $r
}

symbols()
{
	names=$(nm -D --defined-only --extern-only "$LIBRARY" | awk '{ print $3 }' | sed 's/@.*//')
	[ -n "$names" ] || { echo "no symbol in $LIBRARY"; return 1; }
	extra=$(echo "$names" | grep -vE '^(ehds_[a-z0-9_]+|pg_finfo_ehds_[a-z0-9_]+|_PG_init|Pg_magic_func|_init|_fini)$')
	[ -z "$extra" ] || { echo "exported without the prefix ehds_:"; echo "$extra"; return 1; }
}

# shellcheck disable=SC2046
one_compat() { none 'PG_VERSION_NUM\|PG_MAJORVERSION_NUM' $(c_files | grep -v '^src/core/compat\.h$'); }

shell_files()
{
	for f in scripts/*.sh .ci/run demo/run.sh test/bench/*.sh; do
		[ -f "$f" ] && echo "$f"
	done
}
# Left out: files sourced by a computed name (1090, 1091), dollars that are meant for
# somebody else (2016), a && b || c (2015), ls and words of
# our own file names (2012, 2013).
# shellcheck disable=SC2046
shell() { shellcheck -e SC1090,SC1091,SC2016,SC2015,SC2012,SC2013 $(shell_files); }

versions()
{
	v=$(sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" "$EXT.control")
	[ -n "$v" ] || { echo "no default_version in $EXT.control"; return 1; }
	# the versions of META.json that are ours: the distribution's and what it provides
	perl -MJSON::PP -e '
		local $/; open(my $f, "<", "META.json") or die "META.json: $!"; my $m = decode_json(<$f>);
		my ($ext, $v) = @ARGV; my $r = 0;
		for (["version", $m->{version}], ["provides.$ext.version", $m->{provides}{$ext}{version}]) {
			next if ($_->[1] // "") eq $v;
			print "META.json: $_->[0] is ", $_->[1] // "missing", ", $ext.control says $v\n"; $r = 1;
		}
		exit $r;' "$EXT" "$v"
}

header_comments()
{
	r=0
	for f in $(c_files); do
		sed -n 2p "$f" | grep -qx " \* $(basename "$f" | sed 's/\./\\./g')" || { echo "$f: starts without a comment that names it and says what it is for"; r=1; }
	done
	return $r
}

# A warning only.
lengths()
{
	find src -name '*.[ch]' -o -name '*.sql' -path 'src/*' | sort | while read -r f; do
		n=$(wc -l <"$f")
		[ "$n" -le 600 ] || echo "warning: $f has $n lines, 600 are enough for one responsibility"
	done
}

# Every SQL part and every regression test has its place in the Makefile.
listed()
{
	r=0
	for f in $(find src -name '*.sql' | sort); do
		grep -q "^[[:space:]]*$f\( \\\\\)\{0,1\}\$" Makefile || { echo "$f is not in SQL_PARTS_ALL (Makefile)"; r=1; }
	done
	for f in sql/*.sql; do
		[ -f "$f" ] || continue
		t=$(basename "$f" .sql)
		case " $REGRESS " in *" $t "*) ;; *) echo "$f is not in REGRESS (Makefile)"; r=1 ;; esac
		[ -f "expected/$t.out" ] || { echo "expected/$t.out is missing"; r=1; }
	done
	for t in $REGRESS; do
		[ -f "sql/$t.sql" ] || { echo "sql/$t.sql is missing"; r=1; }
	done
	return $r
}

# doc/expressions.md lists what the server lists (the regression test "expressions" sees to its side).
expressions_documented()
(
	t=$(mktemp -d) || exit 1
	trap 'rm -rf "$t"' EXIT
	sed -n '/^| /p' expected/expressions.out >"$t/server"
	sed -n '/^<!-- from expected/,/^<!-- end/p' doc/expressions.md | sed '1d;$d' >"$t/doc"
	[ -s "$t/server" ] && diff "$t/server" "$t/doc"
)

check 'clang-format' format
check 'cppcheck' cppcheck_run
check 'cppcheck reads every file to its end' cppcheck_sees
check 'include layers' layers
check 'exported symbols' symbols
check 'PG_VERSION_NUM only in core/compat.h' one_compat
# shellcheck disable=SC2046
check 'SQL: SECURITY DEFINER has a search_path' scripts/check-sql.pl $(find src -name '*.sql')
check 'header comments' header_comments
check 'every SQL file is listed' listed
check 'doc/expressions.md' expressions_documented
check 'versions' versions
check 'shellcheck' shell
check 'file lengths' lengths

if [ "$bad" -eq 0 ]; then echo 'lint: ok'; else echo "lint: $bad checks failed"; fi
[ "$bad" -eq 0 ]
