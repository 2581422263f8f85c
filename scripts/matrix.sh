#!/bin/sh
# matrix.sh
#	Runs the tests on every supported major that Debian has (MAJORS, default 15 17 18).
#
# The major of the machine's own suite is tested directly. Each of the others is
# tested in a chroot of the Debian suite that brings it, because a newer suite's
# packages on this machine would replace its libc. The chroots are kept in
# MATRIX_DIR (default .matrix/) and made again when they are broken or lack a
# package. There is no silent skip: what can't be tested has failed.

. "$(dirname "$0")/lib.sh"

# what apt says is read here, so it must not be translated
export LC_ALL=C

MAJORS=${MAJORS:-15 17 18}
MATRIX_DIR=${MATRIX_DIR:-$ROOT/.matrix}
mkdir -p "$MATRIX_DIR" && MATRIX_DIR=$(cd "$MATRIX_DIR" && pwd -P) || exit 1

suite_of()
{
	case $1 in
		15) echo bookworm ;;
		17) echo trixie ;;
		18) echo forky ;;
		*) return 1 ;;
	esac
}

# Does the machine's own suite bring this major (or is it installed)?
native()
{
	[ -e "/usr/lib/postgresql/$1/lib/pgxs/src/makefiles/pgxs.mk" ] ||
		apt-cache policy "postgresql-server-dev-$1" 2>/dev/null | grep -q 'Candidate: [^(]'
}

# The Debian mirror of this machine, whatever the form of its source lists.
mirror()
{
	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	all=$(apt-get indextargets --format '$(CREATED_BY) $(COMPONENT) $(RELEASE) $(REPO_URI)' 2>/dev/null |
		sed -n 's/^Packages main //p')
	uri=$(echo "$all" | sed -n "s/^${codename:-none} //p" | head -n 1)
	[ -n "$uri" ] || uri=$(echo "$all" | sed -n -E 's,^(stable|testing|unstable|sid) ,,p' | head -n 1)
	[ -n "$uri" ] || uri=$(echo "$all" | sed -n -E 's,^[a-z]+ (.*/debian/?)$,\1,p' | head -n 1)
	case $uri in
		# cloud images name a file that lists the mirrors
		mirror+file:*) uri=$(sed -n 's/^\([^# \t][^ \t]*\).*/\1/p' "${uri#mirror+file:}" | head -n 1) ;;
	esac
	echo "$uri"
}

packages() { PG=$1 "$ROOT/scripts/deps.sh" --list build test | sort -u; }

usable()
{
	[ -x "$1/usr/lib/postgresql/$2/bin/pg_config" ] || return 1
	for p in $(packages "$2"); do
		[ "$(chroot "$1" dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || return 1
	done
}

# Removes a chroot, and never what is mounted in it.
remove()
{
	! grep -q " $1/" /proc/self/mountinfo || die "something is mounted in $1" "umount it first"
	rm -rf --one-file-system "$1"
}

# make_chroot DIR SUITE MAJOR
make_chroot()
{
	from=$(mirror)
	[ -n "$from" ] || die "no Debian mirror found in this machine's apt configuration"
	command -v mmdebstrap >/dev/null || die "mmdebstrap is missing" "run scripts/deps.sh matrix"
	echo "pg_ehds: making a chroot of $2 for PostgreSQL $3" >&2
	remove "$1"
	remove "$1.new"
	set --  "$1" "$2" "$3" \
		--variant=apt --mode=root --format=directory \
		--include="$(packages "$3" | paste -s -d ,)" \
		--aptopt='Acquire::Check-Valid-Until "false"' \
		--aptopt='APT::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--essential-hook='mkdir -p "$1/etc/postgresql-common"; echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"'
	# how this machine reaches its mirror
	for o in Acquire::http::Proxy Acquire::https::Proxy Acquire::https::CAInfo; do
		v=
		eval "$(apt-config shell v "$o")"
		[ -z "$v" ] || set -- "$@" --aptopt="$o \"$v\""
	done
	dir=$1
	suite=$2
	shift 3
	if mmdebstrap "$@" "$suite" "$dir.new" "$from" >"$dir.log" 2>&1 </dev/null; then
		mv "$dir.new" "$dir"
	else
		tail -n 30 "$dir.log" >&2
		remove "$dir.new"
		return 1
	fi
}

# What is tested: the files that git knows and those that it does not ignore.
tree()
{
	cd "$ROOT" || exit 1
	if git -c safe.directory="$ROOT" rev-parse --git-dir >/dev/null 2>&1; then
		git -c safe.directory="$ROOT" ls-files -z --cached --others --exclude-standard |
			tar cf - --null --ignore-failed-read --files-from=- 2>/dev/null
	else
		tar cf - --exclude=./.pg --exclude=./.matrix --exclude='*.o' --exclude='*.d' --exclude='*.so' .
	fi
}

# Mounts and processes are the command's own and end with it. The root of a plain
# chroot can't be made a private mount; there the mounts are undone by hand.
in_chroot()
{
	dir=$1
	shift
	propagation=private
	unshare --mount true 2>/dev/null || propagation=unchanged
	unshare --mount --propagation "$propagation" --pid --fork --kill-child sh -c '
		dir=$1; shift
		mount -t proc proc "$dir/proc" && mount -t tmpfs -o mode=1777 tmpfs "$dir/tmp" || exit 1
		# device nodes are in the image, except where root may not make any
		if [ -c "$dir/dev/urandom" ]; then
			mkdir -p "$dir/dev/shm" "$dir/dev/pts"
			mount -t tmpfs -o mode=1777 tmpfs "$dir/dev/shm" || exit 1
			mount -t devpts -o newinstance,ptmxmode=0666 devpts "$dir/dev/pts" 2>/dev/null
		else
			mount --rbind /dev "$dir/dev" || exit 1
		fi
		chroot "$dir" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			HOME=/root LANG=C.UTF-8 CI="$CI" LAYERS="$LAYERS" TESTS="$TESTS" "$@"
		status=$?
		for m in dev/pts dev/shm dev tmp proc; do umount -l "$dir/$m" 2>/dev/null; done
		exit $status' sh "$dir" "$@" </dev/null
}

passed=0
failed=0
report=

# run MAJOR COMMAND...: runs the tests, reads their last line
run()
{
	major=$1
	shift
	log=$MATRIX_DIR/test-$major.log
	echo
	echo "==== PostgreSQL $major"
	{
		"$@" 2>&1
		echo "status $?"
	} | tee "$log" | sed '$d'
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
	status=$(tail -n 1 "$log")
	p=${line%% *}
	f=${line#*, }
	f=${f%% *}
	# a run that did not come to its last line, or ended badly, has failed
	if [ -z "$line" ]; then p=0 f=1; fi
	if [ "$status" != 'status 0' ] && [ "$f" -eq 0 ]; then f=1; fi
	add "$p" "$f"
}

add()
{
	passed=$((passed + $1))
	failed=$((failed + $2))
	report="$report
PostgreSQL $major: $1 passed, $2 failed"
}

fail()
{
	echo "pg_ehds: PostgreSQL $major was not tested: $1" >&2
	add 0 1
}

for major in $MAJORS; do
	if native "$major"; then
		run "$major" make -C "$ROOT" --no-print-directory PG="$major" test
		continue
	fi
	suite=$(suite_of "$major") || { fail "no Debian suite is known to bring it"; continue; }
	is_root || { fail "a chroot needs root"; continue; }
	dir=$MATRIX_DIR/$suite
	if ! usable "$dir" "$major"; then
		(make_chroot "$dir" "$suite" "$major") && usable "$dir" "$major" ||
			{ fail "the chroot of $suite could not be made (its log: $dir.log)"; continue; }
	fi
	src=$dir/srv/pg_ehds
	rm -rf "$src"
	mkdir -p "$src"
	tree | tar xf - -C "$src" --no-same-owner || { fail "the tree could not be copied"; continue; }
	run "$major" in_chroot "$dir" make -C /srv/pg_ehds --no-print-directory PG="$major" test
done

echo "$report"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
