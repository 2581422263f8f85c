#!/bin/sh
# cluster.sh
#	Private copies of PostgreSQL and private clusters on them.
#
#	cluster.sh prefix [PG_CONFIG]   make the private copy; prints its bin folder
#	cluster.sh install [PG_CONFIG]  put what was built into the private copy
#	cluster.sh init [PG_CONFIG]     make a new cluster (an old one is replaced)
#	cluster.sh start | stop         (stop all: every cluster of this checkout)
#	cluster.sh env                  shell lines that set PGHOST, PGPORT, ...
#	cluster.sh psql [args]
#	cluster.sh get WHAT             dir, data, bin, sock, key, log: a path
#	cluster.sh destroy              stop all and remove every file
#
# CLUSTER (default demo) names the cluster, EHDS_CONF a file whose lines are
# added to its postgresql.conf, EHDS_LD_PRELOAD what the server is to preload
# (sanitizers). The extension is installed into the private copy
# only, and the server listens on a Unix socket only whose folder nobody but its
# user may enter: so trust authentication opens nothing to others, and nothing
# else on the machine is touched.

. "$(dirname "$0")/lib.sh"

CLUSTER=${CLUSTER:-demo}
PORT=5432
SUPERUSER=postgres
DATABASE=warehouse
# bytes of sun_path less the terminating zero, "/.s.PGSQL.NNNN" and ".lock"
SOCKET_DIR_MAX=$((107 - 14 - 5))

# The folder that holds all of an installation which is not laid out as Debian's.
plain_prefix()
{
	p=$(dirname "$bindir")
	case $p in / | /usr | /usr/local) return 1 ;; esac
	case $pkglibdir in "$p"/*) ;; *) return 1 ;; esac
	case $sharedir in "$p"/*) ;; *) return 1 ;; esac
	echo "$p"
}

# A copy of the installation under one folder. pg_config, PGXS and the server
# find everything relative to themselves, so all of them stay inside.
prefix()
{
	pg_config=${1:-$(default_pg_config)}
	[ -x "$pg_config" ] || die "no pg_config at $pg_config"
	version=$("$pg_config" --version)
	major=$(echo "$version" | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
	bindir=$("$pg_config" --bindir)
	pkglibdir=$("$pg_config" --pkglibdir)
	sharedir=$("$pg_config" --sharedir)
	[ -x "$bindir/postgres" ] || die "there is no server beside $pg_config"
	make_home
	dir=$HOME_PG/prefix-$major
	# remade when the installation has changed (an update, a new extension)
	id=$({
		echo "$version $bindir"
		ls -ln --time-style=+%s "$bindir" "$pkglibdir" "$sharedir/extension"
	} | cksum)
	case $bindir in
		/usr/lib/postgresql/*/bin) bin=$dir/usr/lib/postgresql/$(basename "$(dirname "$bindir")")/bin ;;
		*)
			base=$(plain_prefix) || die "can't make a private copy of the installation of $pg_config" "Debian's layout and a prefix of its own are understood"
			bin=$dir${bindir#"$base"}
			;;
	esac
	if [ "$(cat "$dir.id" 2>/dev/null)" != "$id" ] || [ ! -x "$bin/postgres" ]; then
		stop_all "$dir/"
		rm -rf "$dir" "$dir.new" "$dir.id"
		mkdir -p "$dir.new"
		case $bindir in
			/usr/lib/postgresql/*/bin)
				v=$(basename "$(dirname "$bindir")")
				mkdir -p "$dir.new/usr/lib/postgresql" "$dir.new/usr/share/postgresql"
				cp -a --reflink=auto "/usr/lib/postgresql/$v" "$dir.new/usr/lib/postgresql/"
				cp -a --reflink=auto "/usr/share/postgresql/$v" "$dir.new/usr/share/postgresql/"
				ln -s /usr/include "$dir.new/usr/include"
				libdir=$("$pg_config" --libdir)
				ln -s "$libdir" "$dir.new/usr/lib/$(basename "$libdir")"
				;;
			*) cp -a --reflink=auto "$base/." "$dir.new/" ;;
		esac
		mv "$dir.new" "$dir"
		echo "$id" >"$dir.id"
	fi
	echo "$bin"
}

# Into the private copy. Not by make install: PGXS can't work below a folder whose
# name has a space, and a checkout may have such a place.
install_into_copy()
{
	bin=$(prefix "$@") || exit 1
	lib=$("$bin/pg_config" --pkglibdir)
	share=$("$bin/pg_config" --sharedir)/extension
	rm -f "$share/$EXT"--*.sql
	install -m 755 "$ROOT/$EXT.so" "$lib/" &&
		install -m 644 "$ROOT/$EXT.control" "$ROOT/$EXT"--*.sql "$share/" || die "nothing to install: run make first"
}

default_pg_config()
{
	for v in ${PG:-18 17 16 15}; do
		c=/usr/lib/postgresql/$v/bin/pg_config
		[ -x "/usr/lib/postgresql/$v/bin/postgres" ] && [ -x "$c" ] && echo "$c" && return
	done
	command -v pg_config || die "no PostgreSQL found" "run make deps"
}

# D: the folder of the cluster, which must exist
need_cluster()
{
	find_home
	D=${HOME_PG:+$HOME_PG/$CLUSTER}
	[ -n "$D" ] && [ -f "$D/bin" ] || die "there is no cluster $CLUSTER" "make demo makes one"
	BIN=$(cat "$D/bin")
}

running() { [ -f "$D/data/postmaster.pid" ] && as_server "$BIN/pg_ctl" -D "$D/data" status >/dev/null 2>&1; }

# a string in postgresql.conf
quote_conf() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }

init()
{
	bin=$(prefix "$@") || exit 1
	make_home
	D=$HOME_PG/$CLUSTER
	if [ -e "$D" ]; then
		[ ! -f "$D/bin" ] || stop
		rm -rf "$D"
	fi
	mkdir -p "$D"
	chmod 711 "$D"
	echo "$bin" >"$D/bin"
	(umask 077 && head -c 32 /dev/urandom >"$D/key")
	: >"$D/log"
	mkdir "$D/data"
	chmod 700 "$D/data"
	chmod 600 "$D/log"
	give "$D/data" "$D/key" "$D/log"
	as_server "$bin/initdb" -D "$D/data" -U "$SUPERUSER" -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
		>"$D/initdb.log" 2>&1 || { cat "$D/initdb.log" >&2; die "initdb failed"; }
	{
		echo "# pg_ehds, cluster $CLUSTER"
		echo "listen_addresses = ''"
		echo "unix_socket_permissions = 0700"
		echo "port = $PORT"
		echo "cluster_name = 'pg_ehds $CLUSTER'"
		echo "shared_preload_libraries = '$EXT'"
		echo "ehds.key_file = $(quote_conf "$D/key")"
		echo "include_if_exists = 'socket.conf'"
		echo "log_line_prefix = '%m [%p] %u@%d '"
		[ -z "$EHDS_CONF" ] || cat "$EHDS_CONF"
	} >>"$D/data/postgresql.conf"
}

# The folder of the socket. A checkout may lie deeper than a socket's path may be long.
socket_dir()
{
	s=$(cat "$D/sock" 2>/dev/null)
	if [ -z "$s" ] || [ ! -d "$s" ]; then
		s=$D/socket
		if [ "$(printf %s "$s" | wc -c)" -gt "$SOCKET_DIR_MAX" ]; then
			s=$(mktemp -d /tmp/pg_ehds.XXXXXX) || exit 1
		else
			mkdir -p "$s"
		fi
		chmod 700 "$s"
		give "$s"
		echo "$s" >"$D/sock"
	fi
	echo "$s"
}

start()
{
	need_cluster
	if running; then return 0; fi
	s=$(socket_dir)
	# a list, whose members may need double quotes
	echo "unix_socket_directories = $(quote_conf "\"$s\"")" >"$D/data/socket.conf"
	as_server env LD_PRELOAD="$EHDS_LD_PRELOAD" "$BIN/pg_ctl" -D "$D/data" -l "$D/log" -w -t 60 -s start >/dev/null || {
		tail -n 30 "$D/log" >&2
		die "the server of cluster $CLUSTER did not start"
	}
	write_env
	"$BIN/psql" -XAtq -h "$s" -p "$PORT" -U "$SUPERUSER" -d postgres \
		-c "SELECT 1 FROM pg_database WHERE datname = '$DATABASE'" | grep -q 1 ||
		"$BIN/createdb" -h "$s" -p "$PORT" -U "$SUPERUSER" "$DATABASE"
}

quote() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }

write_env()
{
	{
		echo "# source this file: psql, pg_dump and other clients then use the private cluster $CLUSTER"
		echo "export PGHOST=$(quote "$s")"
		echo "export PGPORT=$PORT"
		echo "export PGDATABASE=$DATABASE"
		echo "export PGUSER=$SUPERUSER"
	} >"$D/env"
	# the one that people are told about
	if [ "$CLUSTER" = demo ]; then cp "$D/env" "$STATE/env"; fi
}

stop()
{
	need_cluster
	if running; then
		as_server "$BIN/pg_ctl" -D "$D/data" -m fast -w -t 60 -s stop >/dev/null ||
			as_server "$BIN/pg_ctl" -D "$D/data" -m immediate -w -s stop >/dev/null ||
			die "the server of cluster $CLUSTER did not stop"
	fi
	s=$(cat "$D/sock" 2>/dev/null)
	case $s in /tmp/pg_ehds.*) rm -rf "$s" "$D/sock" ;; esac
}

# stop_all [DIR]: every cluster, or those whose server is in DIR
stop_all()
{
	asked_for=$CLUSTER
	find_home
	[ -n "$HOME_PG" ] || return 0
	for f in "$HOME_PG"/*/bin; do
		[ -f "$f" ] || continue
		case $(cat "$f") in "$1"*) ;; *) continue ;; esac
		CLUSTER=$(basename "$(dirname "$f")")
		stop
	done
	CLUSTER=$asked_for
}

destroy()
{
	stop_all
	# find_home has checked that the folder is this checkout's
	[ -z "$HOME_PG" ] || rm -rf "$HOME_PG"
	rm -rf "$STATE"
}

cmd=$1
[ $# -eq 0 ] || shift
case $cmd in
	prefix) prefix "$@" ;;
	install) install_into_copy "$@" ;;
	init) init "$@" ;;
	start) start ;;
	stop) if [ "$1" = all ]; then stop_all; else stop; fi ;;
	env) need_cluster && cat "$D/env" ;;
	psql)
		need_cluster
		running || die "cluster $CLUSTER is not running" "make demo starts it"
		. "$D/env"
		exec "$BIN/psql" "$@"
		;;
	get)
		need_cluster
		case $1 in
			dir) echo "$D" ;;
			bin | sock) cat "$D/$1" ;;
			data | key | log) echo "$D/$1" ;;
			*) die "cluster.sh get: dir, data, bin, sock, key or log" ;;
		esac
		;;
	destroy) destroy ;;
	*) die "usage: cluster.sh prefix|install|init|start|stop|env|psql|get|destroy" ;;
esac
