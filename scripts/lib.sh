# lib.sh
#	Sourced by the other scripts: where we are, and who runs the server.
#
# The server refuses root, so root runs it as postgres (the user that Debian's
# package makes) and everybody else as themselves. postgres may be unable to
# enter the checkout (root's home is 0700), or its name may hold a space; then the
# files that the server needs are kept in a folder outside, whose name is in .pg/home.
# shellcheck shell=sh disable=SC2034

umask 022
ROOT=$(cd "$(dirname "$0")/.." && pwd -P)
STATE=$ROOT/.pg
EXT=pg_ehds

die()
{
	echo "pg_ehds: $1" >&2
	shift
	for hint in "$@"; do echo "hint: $hint" >&2; done
	exit 1
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# Run a command as the user of the server, from a folder that it can enter.
as_server()
(
	if is_root; then
		cd / && HOME=$(dirname "${HOME_PG:-/tmp/x}") exec runuser -u postgres -- "$@"
	else
		exec "$@"
	fi
)

# Give files to the user of the server.
give() { ! is_root || chown -R postgres: "$@"; }

# HOME_PG: the folder of the private copies and clusters; made when missing.
find_home()
{
	HOME_PG=
	if [ -f "$STATE/home" ]; then
		HOME_PG=$(cat "$STATE/home")
		# a copied checkout brings the .pg of another one along: not ours to use
		[ "$(cat "$HOME_PG/checkout" 2>/dev/null)" = "$ROOT" ] || HOME_PG=
	fi
}

make_home()
{
	find_home
	[ -z "$HOME_PG" ] || return 0
	mkdir -p "$STATE" 2>/dev/null && [ -w "$STATE" ] ||
		die "no right to write in $STATE" "it belongs to $(stat -c %U "$STATE" 2>/dev/null || echo another user): run make distclean as that user, or use a checkout of your own"
	HOME_PG=$STATE
	outside=
	if is_root; then
		id postgres >/dev/null 2>&1 || die "there is no user postgres to run the server as" "run make deps"
		as_server test -x "$STATE" || outside=/var/lib
	fi
	case $STATE in
		# PGXS, pg_regress and settings can't live with every character
		*[!A-Za-z0-9_./+,@-]*) if is_root; then outside=/var/lib; else outside=/var/tmp; fi ;;
	esac
	if [ -n "$outside" ]; then
		HOME_PG=$(mktemp -d "$outside/pg_ehds.XXXXXX") || exit 1
		chmod 711 "$HOME_PG"
	fi
	echo "$ROOT" >"$HOME_PG/checkout"
	echo "$HOME_PG" >"$STATE/home"
}
