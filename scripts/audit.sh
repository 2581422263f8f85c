#!/bin/sh
# audit.sh PG_CONFIG
#	Shows that the auditor of differential privacy (test/t/060_audit.pl) finds the
#	mistakes that are made: for each of test/audit/mutants.pl the source is changed in
#	a copy, built, and audited, which must fail.
#
#	MUTANT=word	only mutants whose name contains the word

. "$(dirname "$0")/lib.sh"

PG_CONFIG=$1
find_home
W=$HOME_PG/audit
passed=0
failed=0

rm -rf "$W"
mkdir -p "$W"
(cd "$ROOT" && tar cf - --exclude=./.git --exclude=./.pg --exclude=./.matrix --exclude='*.o' --exclude='*.d' --exclude='*.so' .) |
	(cd "$W" && tar xf - --no-same-owner)

mutate() { perl "$ROOT/test/audit/mutants.pl" "$W" "$@"; }

for name in $(mutate list); do
	case $name in *"$MUTANT"*) ;; *) continue ;; esac
	word=$(mutate case "$name")
	if ! mutate apply "$name"; then
		echo "not ok - $name: the source that it changes is not there"
		failed=$((failed + 1))
		continue
	fi
	AUDIT=$word LAYERS=tap TESTS=060_audit make -C "$W" --no-print-directory test-run PG_CONFIG="$PG_CONFIG" >"$W/$name.log" 2>&1
	line=$(grep -rhs '^not ok.*claimed' "$W/.pg/test-files/out/tap" | head -n 1)
	if [ -n "$line" ]; then
		echo "ok - $name is found: ${line#not ok * - }"
		passed=$((passed + 1))
	else
		tail -n 20 "$W/$name.log"
		echo "not ok - $name was not found"
		failed=$((failed + 1))
	fi
	mutate undo "$name"
done
CLUSTER='test' "$W/scripts/cluster.sh" stop all >/dev/null 2>&1
[ "$failed" -gt 0 ] || rm -rf "$W"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
