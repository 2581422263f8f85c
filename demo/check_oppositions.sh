#!/usr/bin/env bash
# check_oppositions.sh FOLDER
#	Do persons who opposed really leave everything? Counts from the CSV files in
#	FOLDER with awk and sort, by another path than the extension, and compares with
#	what permits show in the database of the environment.
#
# The database must hold the same files, loaded by load.sh, and nothing else that
# opposes. pg_ehds is created and the warehouse protected if that is not done yet.
# Prints "ok - what" or "not ok - what" a comparison; the exit code is 1 if any of
# them is not ok. Leaves its permits and oppositions behind: use a database of its own.
set -euo pipefail
export LC_ALL=C PSQLRC=/dev/null

folder=${1:?"usage: check_oppositions.sh FOLDER"}
: "${PGHOST:?}" "${PGDATABASE:?}" "${PGUSER:?}"
k=11
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

super() { psql -X -q -A -t -F ' ' -v ON_ERROR_STOP=1 "$@"; }
as() { local role=$1; shift; PGUSER=$role super "$@"; }

same() { # what, file by hand, file by the extension
	if diff "$2" "$3" >"$work/diff"; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		echo "# < from the files, > from the extension"
		head -n 12 "$work/diff" | sed 's/^/# /'
		failed=1
	fi
}

# Path of a table's file in either case, nothing if it is missing or has no rows.
file_of() {
	local f name
	for f in "$folder"/*; do
		name=$(basename "$f"); name=${name,,}
		case $name in "$1".csv | "$1".tsv | "$1".txt) [ "$(head -n 2 "$f" | wc -l)" -lt 2 ] || echo "$f" ;; esac
	done
}

# fields FILE NAME...: the named columns, tab-separated, without the header
fields() {
	local f=$1; shift
	tr -d '\r' <"$f" | awk -v names="$*" '
	function cut(line,   i, c, quoted, n, field) {	# into part[]
		if (line !~ /"/) return split(line, part, sep)
		n = 0; field = ""; quoted = 0
		for (i = 1; i <= length(line); i++) {
			c = substr(line, i, 1)
			if (c == "\"") { if (quoted && substr(line, i + 1, 1) == "\"") { field = field c; i++ } else quoted = !quoted }
			else if (c == sep && !quoted) { part[++n] = field; field = "" }
			else field = field c
		}
		part[++n] = field
		return n
	}
	NR == 1 {
		sub(/^\357\273\277/, "")
		sep = (gsub(/\t/, "\t") > gsub(/,/, ",")) ? "\t" : ","
		n = cut(tolower($0)); for (i = 1; i <= n; i++) at[part[i]] = i
		m = split(names, want, " ")
		next
	}
	{ cut($0); for (i = 1; i <= m; i++) printf "%s%s", part[at[want[i]]], (i < m ? "\t" : "\n") }'
}

# What the files say ------------------------------------------------------------------

person=$(file_of person)
[ -n "$person" ] || { echo "check_oppositions.sh: no PERSON file with rows in $folder" >&2; exit 2; }
cond=condition_occurrence
[ -n "$(file_of $cond)" ] || cond=condition_era
[ -n "$(file_of $cond)" ] || { echo "check_oppositions.sh: no conditions in $folder" >&2; exit 2; }

fields "$person" person_id person_source_value | sort -u >"$work/person"	# key, identity
fields "$(file_of $cond)" person_id condition_concept_id | sort >"$work/cond"	# key, concept; one line a row

# One person in 61 opposes: the first third before anything else, the second by purpose,
# the last after the extract was made. Others oppose another purpose, or change their mind.
awk -F '\t' -v dir="$work" '
	NR % 61 == 1 { print $2 > (dir "/oppose_" int(n++ % 3)) }
	NR % 61 == 2 { print $2 > (dir "/other_purpose") }
	NR % 61 == 3 { print $2 > (dir "/withdrawn") }' "$work/person"
sort "$work/oppose_0" "$work/oppose_1" >"$work/early"
sort "$work/early" "$work/oppose_2" >"$work/all"

# remaining OPPOSED: the persons that the files leave, key only
remaining() { awk -F '\t' 'NR == FNR { o[$1]; next } !($2 in o) { print $1 }' "$1" "$work/person" | sort; }
# counts OPPOSED: concept and distinct persons, cells of k or more only
counts() {
	remaining "$1" | join -t "$(printf '\t')" - "$work/cond" | sort -u | cut -f 2 | sort -n | uniq -c |
		awk -v k=$k '$1 >= k { print $2, $1 }' | sort
}
# rows OPPOSED: concept and rows
rows() {
	remaining "$1" | join -t "$(printf '\t')" - "$work/cond" | cut -f 2 | sort | uniq -c | awk '{ print $2, $1 }' | sort
}

# Roles, permits -------------------------------------------------------------------------

quiet() { super -o /dev/null -c 'SET client_min_messages = warning' "$@"; }
quiet -c 'CREATE EXTENSION IF NOT EXISTS pg_ehds' -c "SELECT ehds.protect_model('omop-5.4', schema => 'omop')"
for r in issuer activator registrar analyst pipeline; do quiet -c "DROP ROLE IF EXISTS check_$r" -c "CREATE ROLE check_$r LOGIN"; done
quiet -c 'GRANT ehds_admin TO check_issuer, check_activator' -c 'GRANT ehds_registrar TO check_registrar'

oppose() { # file, further arguments
	sed "s/'/''/g; s/.*/SELECT ehds.oppose('&'${2:-});/" "$1" | as check_registrar -o /dev/null
}
oppose "$work/oppose_0"
oppose "$work/oppose_1" ", purpose => 'research', channel => 'letter'"
oppose "$work/other_purpose" ", purpose => 'policy'"
oppose "$work/withdrawn"
sed "s/'/''/g; s/.*/SELECT ehds.withdraw_opposition('&');/" "$work/withdrawn" | as check_registrar -o /dev/null

permit() { # name, grantee, output
	as check_issuer -o /dev/null \
		-c "SELECT ehds.issue_permit('$1', grantee => '$2', purpose => 'research', output => '$3', valid_until => current_date + 1, k => $k)" \
		-c "SELECT ehds.permit_table('$1', 'omop.person', columns => '{person_id,gender_concept_id,year_of_birth}')" \
		-c "SELECT ehds.permit_table('$1', 'omop.$cond')"
	as check_activator -o /dev/null -c "SELECT ehds.activate_permit('$1')"
}
permit check-counts check_analyst statistics
permit check-rows check_pipeline pseudonymised

# Comparisons ------------------------------------------------------------------------------

compare() { # opposed, when
	counts "$1" >"$work/a"
	as check_analyst -c "SELECT condition_concept_id, ehds.k_count(person_id) FROM permit_check_counts.$cond GROUP BY 1" 2>/dev/null |
		awk 'NF == 2' | sort >"$work/b"
	same "$2: k_count of persons by condition ($(wc -l <"$work/a") cells of $k or more)" "$work/a" "$work/b"
	as check_analyst -c "SELECT condition_concept_id, count(DISTINCT person_id) FROM permit_check_counts.$cond GROUP BY 1" 2>/dev/null |
		awk 'NF == 2' | sort >"$work/b"
	same "$2: plain count(DISTINCT person_id) by condition" "$work/a" "$work/b"

	remaining "$1" | wc -l | tr -d ' ' >"$work/a"
	as check_pipeline -c 'SELECT count(DISTINCT person_id) FROM extract_check_rows.person' >"$work/b"
	same "$2: persons in the extract ($(cat "$work/a"))" "$work/a" "$work/b"
	rows "$1" >"$work/a"
	as check_pipeline -c "SELECT condition_concept_id, count(*) FROM extract_check_rows.$cond GROUP BY 1" | sort >"$work/b"
	same "$2: rows by condition in the extract ($(wc -l <"$work/a") conditions)" "$work/a" "$work/b"

	# The pseudonyms of opposed persons, and of one who stays as a proof that the search finds.
	sed "s/'/''/g; s/.*/('&')/" "$1" | paste -s -d , >"$work/list"
	head -n 1 <(awk -F '\t' 'NR == FNR { o[$1]; next } !($2 in o) { print $2 }' "$1" "$work/person") >"$work/stays"
	super >"$work/b" <<SQL
CREATE TEMP TABLE wanted AS
SELECT identity, ehds.pseudonym_of(identity, 'check-rows', 'subject') AS pseudonym
FROM (VALUES $(cat "$work/list")) v(identity);
CREATE FUNCTION pg_temp.found(what text[]) RETURNS bigint LANGUAGE plpgsql AS \$\$
DECLARE
	total bigint := 0;
	n bigint;
	t regclass;
BEGIN
	-- every table that is not the warehouse itself or the register of oppositions
	FOR t IN SELECT c.oid FROM pg_class c JOIN pg_namespace s ON s.oid = relnamespace
		WHERE relkind IN ('r', 'p', 'm') AND nspname IN (SELECT nspname FROM pg_namespace WHERE nspname = 'ehds' OR nspname LIKE 'extract%')
			AND c.oid <> 'ehds.opposition'::regclass
	LOOP
		EXECUTE format('SELECT count(*) FROM %s t WHERE EXISTS (SELECT FROM jsonb_each_text(to_jsonb(t)) e WHERE e.value = ANY (\$1))', t)
			INTO n USING what;
		total := total + n;
	END LOOP;
	RETURN total;
END \$\$;
SELECT 'pseudonyms', pg_temp.found((SELECT array_agg(pseudonym::text) FROM wanted));
SELECT 'identities', pg_temp.found((SELECT array_agg(identity) FROM wanted));
SELECT 'staying', pg_temp.found(ARRAY[ehds.pseudonym_of('$(sed "s/'/''/g" "$work/stays")'::text, 'check-rows', 'subject')::text]) > 0;
SQL
	printf 'pseudonyms 0\nidentities 0\nstaying t\n' >"$work/a"
	same "$2: no table of the extract or of the extension has a pseudonym or an identity of the $(wc -l <"$1") who opposed" "$work/a" "$work/b"
}

as check_pipeline -o /dev/null -c "CALL ehds.extract('check-rows')"
compare "$work/early" 'before'

oppose "$work/oppose_2"
as check_pipeline -o /dev/null -c "CALL ehds.refresh_extract('check-rows')"
compare "$work/all" 'after new oppositions'

exit $failed
