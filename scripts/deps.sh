#!/bin/sh
# deps.sh [--list] WHAT...
#	Installs the Debian packages that are missing for WHAT: build (and run), test,
#	core, lint, matrix. --list prints the packages instead.
#
# PG names the PostgreSQL major; without it the newest supported one whose server
# headers are installed is kept, else the suite's own is taken. PG=none: the user
# brings an installation of their own, only the other packages are looked at.
# Nothing is done, and nobody needs to be root, when nothing is missing.

. "$(dirname "$0")/lib.sh"

# what apt says is read here, so it must not be translated
export LC_ALL=C

SUPPORTED='18 17 16 15'

list_only=
if [ "$1" = --list ]; then
	list_only=1
	shift
fi

have_lists()
{
	# both an empty cache and a cache without any package file mean: never updated
	apt-cache policy gcc 2>/dev/null | grep -q 'Candidate: [^(]'
}

update()
{
	[ -z "$updated" ] || return 0
	updated=1
	echo "pg_ehds: apt-get update" >&2
	apt-get -qq update || die "apt-get update failed" "the package sources of this machine must be reachable once"
}

# The major that the suite itself brings: what the metapackage depends on.
suite_major()
{
	apt-cache depends --important postgresql 2>/dev/null |
		sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1
}

find_major()
{
	major=$PG
	[ -z "$major" ] || return 0
	for v in $SUPPORTED; do
		if [ -e "/usr/lib/postgresql/$v/lib/pgxs/src/makefiles/pgxs.mk" ]; then
			major=$v
			return 0
		fi
	done
	have_lists || ! is_root || update
	major=$(suite_major)
	[ -n "$major" ] || die "can't tell which PostgreSQL this machine's package sources bring" \
		"as root: make deps. It installs the suite's postgresql and its server headers, gcc, libc6-dev, libssl-dev, and what the tests use"
}

packages()
{
	for what in "$@"; do
		case $what in
			build)
				echo gcc libc6-dev make libssl-dev
				[ "$major" = none ] || echo "postgresql-$major postgresql-server-dev-$major"
				;;
			test)
				echo perl libipc-run-perl glpk-utils valgrind
				[ "$major" = none ] || echo "postgresql-$major-pgtap"
				;;
			core) echo bzip2 xz-utils ;;
			lint) echo clang-format cppcheck shellcheck binutils ;;
			matrix) echo mmdebstrap debian-archive-keyring mount ;;
			*) die "deps.sh: unknown: $what" ;;
		esac
	done
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# While postgresql-common is asked for, it must not make a cluster of its own:
# the machine's other users did not ask for a server. Afterwards its file is as
# the package would have left it.
CREATECLUSTER=/etc/postgresql-common/createcluster.conf
TEMPLATE=/usr/share/postgresql-common/createcluster.conf
saved=
no_main_cluster()
{
	mkdir -p "$(dirname "$CREATECLUSTER")"
	saved=$(mktemp)
	if [ -e "$CREATECLUSTER" ]; then
		cp -p "$CREATECLUSTER" "$saved"
	else
		rm -f "$saved"
	fi
	[ ! -e "$saved" ] || sed '/^[ \t]*create_main_cluster/d' "$saved" >"$CREATECLUSTER"
	echo "create_main_cluster = false" >>"$CREATECLUSTER"
	trap restore_createcluster EXIT
	trap 'exit 1' HUP INT TERM
}
restore_createcluster()
{
	if [ -e "$saved" ]; then
		cp -p "$saved" "$CREATECLUSTER"
		rm -f "$saved"
	elif [ -e "$TEMPLATE" ]; then
		cp "$TEMPLATE" "$CREATECLUSTER"
		rm -f "$CREATECLUSTER.ucf-dist"
	else
		rm -f "$CREATECLUSTER"
	fi
}

[ -n "$(command -v dpkg-query)" ] || {
	[ -z "$list_only" ] || exit 1
	# not Debian: whoever brings the tools is on their own, the build will say what is missing
	exit 0
}

updated=
if [ -n "$list_only" ]; then
	major=${PG:?}
	packages "$@" | tr ' ' '\n'
	exit
fi

find_major
missing=
for p in $(packages "$@"); do
	is_installed "$p" || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

is_root || die "packages are missing:$missing" "as root: apt-get install --no-install-recommends$missing"

have_lists || update
for p in $missing; do
	if ! apt-cache policy "$p" | grep -q 'Candidate: [^(]'; then
		update
		apt-cache policy "$p" | grep -q 'Candidate: [^(]' ||
			die "this machine's package sources have no $p" "another major: PG=$(suite_major) make ..., or make test-matrix, which makes a chroot for each major"
	fi
done

export DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1
set -- -y -q --no-install-recommends -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold install
# shellcheck disable=SC2086
plan=$(apt-get -s "$@" $missing 2>&1) || {
	update
	# shellcheck disable=SC2086
	plan=$(apt-get -s "$@" $missing 2>&1) || die "apt-get can't install:$missing" "$(echo "$plan" | tail -n 5)"
}
# An upgrade of a server package restarts the servers of that major: not ours to do.
restarted=$(echo "$plan" | sed -n 's/^Inst \(postgresql-[0-9]*\) \[.*/\1/p')
if [ -n "$restarted" ] && command -v pg_lsclusters >/dev/null && pg_lsclusters -h | grep -q online; then
	die "to install$missing, $restarted would be upgraded and running servers restarted" \
		"upgrade $restarted at a moment of your choice, then run this again"
fi
echo "pg_ehds: installing$missing" >&2
no_main_cluster
log=$(mktemp)
# shellcheck disable=SC2086
if ! apt-get "$@" $missing >"$log" 2>&1 </dev/null; then
	# a list that is older than the mirror's pool is the usual reason
	update
	# shellcheck disable=SC2086
	apt-get "$@" $missing >"$log" 2>&1 </dev/null || {
		tail -n 40 "$log" >&2
		die "apt-get install failed:$missing"
	}
fi
rm -f "$log"
