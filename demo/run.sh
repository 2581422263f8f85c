#!/usr/bin/env bash
# run.sh
#	Rebuilds the database of the environment (PGHOST, PGPORT, PGDATABASE, PGUSER),
#	loads a warehouse and plays the story of demo/story in it.
#
#	OMOP=FOLDER     the CSV files of an OMOP CDM 5.x export; without it:
#	PERSONS=20000   the size of the warehouse that is made up
#
# The server must be running with pg_ehds preloaded and installed. Ends with
# another code than 0 if anything in the story went another way than told.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
: "${PGHOST:?}" "${PGDATABASE:?}" "${PGUSER:?}"
export PSQLRC=/dev/null PAGER=cat PGAPPNAME=pg_ehds_demo

fail() { echo "demo: $1" >&2; exit 1; }
super() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

case $PGDATABASE in postgres | template0 | template1) fail "PGDATABASE must name a database that may be dropped" ;; esac

omop=${OMOP:-}
if [ -n "$omop" ]; then
	# as seen from where make was called, else from the checkout
	[ -d "$omop" ] || [ ! -d "$here/../$omop" ] || omop=$here/../$omop
	"$here/load.sh" --check "$omop"
fi

# A new database, and the persons of the story as login roles -------------------

people='dba governance_1 governance_2 registrar auditor analyst dashboard pipeline'
groups='proj_hydro proj_cardio'
super -d postgres -c 'SET client_min_messages = warning' \
	-c "DROP DATABASE IF EXISTS \"$PGDATABASE\" WITH (FORCE)"
for role in $people $groups; do
	super -d postgres -c 'SET client_min_messages = warning' -c "DROP ROLE IF EXISTS $role"
done
super -d postgres -c 'CREATE ROLE dba LOGIN SUPERUSER' -c "CREATE DATABASE \"$PGDATABASE\""

started=$SECONDS
if [ -n "$omop" ]; then
	echo "Loading the OMOP CDM export in $omop"
	echo
	"$here/load.sh" "$omop" || { super -d postgres -c "DROP DATABASE \"$PGDATABASE\""; exit 1; }
else
	echo "Making a warehouse of ${PERSONS:-20000} persons who do not exist (PERSONS=n for another size, OMOP=folder for your own data)"
	echo
	"$here/generate.sh"
	super -F ' ' -c "SELECT format('  %-24s %9s rows', relname, reltuples::bigint) FROM pg_class
		WHERE relnamespace = 'omop'::regnamespace AND relkind = 'r' AND reltuples > 0 ORDER BY relname"
fi
echo
echo "Loaded in $((SECONDS - started)) s."

# What the story is about depends on what was loaded -------------------------------

cond=condition_occurrence; cond_date=condition_start_date
if [ "$(super -c "SELECT EXISTS (SELECT FROM omop.$cond)")" = f ]; then
	cond=condition_era; cond_date=condition_era_start_date
fi
# rows before this day are in no permit of the story
since=$([ -z "$omop" ] && echo 2015-01-01 || echo 1900-01-01)
generated=$([ -z "$omop" ] && echo true || echo false)
# Oppositions attach to person_source_value only if everybody has one (see protect_model).
identity_column=person_source_value
if [ "$(super -c "SELECT EXISTS (SELECT FROM omop.person WHERE coalesce(person_source_value, '') = '')")" = t ]; then
	identity_column=person_id::text
fi
# A condition of middling frequency (hydrocephalus in the generated warehouse), and
# two persons who have it: 8001234567 and 8001234568 where they exist.
chosen=$(super -F '|' -c "
	SELECT c.condition_concept_id, coalesce(n.concept_name, 'condition ' || c.condition_concept_id)
	FROM (SELECT condition_concept_id, count(DISTINCT person_id) AS persons FROM omop.$cond GROUP BY 1) c
	LEFT JOIN omop.concept n ON n.concept_id = c.condition_concept_id
	WHERE c.persons >= 20
	ORDER BY n.concept_name = 'Hydrocephalus' DESC NULLS LAST, abs(c.persons - 300), 1 LIMIT 1")
[ -n "$chosen" ] || fail "no condition in omop.$cond has 20 persons or more, so there is nothing to count"
concept=${chosen%%|*}
concept_name=${chosen#*|}
mapfile -t identity < <(super -c "
	SELECT $identity_column FROM omop.person p
	WHERE EXISTS (SELECT FROM omop.$cond c WHERE c.person_id = p.person_id AND condition_concept_id = $concept)
	GROUP BY 1 HAVING count(*) = 1
	ORDER BY $identity_column IN ('8001234567', '8001234568') DESC, 1 LIMIT 2")

# The story --------------------------------------------------------------------------

cat "$here"/story/[0-9]*.sql | awk -f "$here/story.awk" | psql -X \
	-v ON_ERROR_STOP=1 -v VERBOSITY=default -v SHOW_CONTEXT=never \
	-v cond="$cond" -v cond_table="omop.$cond" -v cond_rows="$cond_date >= '$since'" -v concept="$concept" -v concept_name="$concept_name" \
	-v identity_1="${identity[0]}" -v identity_2="${identity[1]}" -v identity_column="$identity_column" -v generated="$generated" \
	-v until="$(($(date +%Y) + 1))-12-31" \
	-P pager=off -P format=wrapped -P columns=120 -P null='(null)' 2>&1 || {
	echo
	fail "the story ended early; see the last statement above"
}

cat <<END

The cluster goes on running.
  make psql          psql in it, as the superuser; \\connect - analyst to be somebody else
  . .pg/env          sets PGHOST, PGPORT, PGDATABASE and PGUSER for any client
  make stop          ends it
Played in $SECONDS s.
END
