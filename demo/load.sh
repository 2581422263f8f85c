#!/usr/bin/env bash
# load.sh [--check] FOLDER
#	Loads an OMOP CDM 5.x export (one CSV file a table) into schema omop of the
#	database of the environment. With --check only says whether it could.
#
# - Files are TABLE.csv, .tsv or .txt, names in either case; missing tables stay
#   empty. PERSON is the one that must be there.
# - The header row decides the columns; the separator, comma or tab, is the one
#   that the header has more of. A tab file whose quotes do not enclose fields
#   (vocabularies as they are downloaded) is read without quoting.
# - A column that OMOP CDM 5.4 does not have is kept as text; names of 5.3 that
#   5.4 changed go to the new name. A file that is no OMOP table becomes a table
#   of text columns. Both are then undeclared, so no permit shows them.
# - Empty fields are NULL, and so is \N; in columns that are not text NA and NULL
#   too. 8507.0 is a whole number (some exports write them so), others are rounded.
# - All or nothing: it is one transaction.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
check=
if [ "${1:-}" = --check ]; then check=1; shift; fi
folder=${1:?"usage: load.sh [--check] FOLDER"}

fail() { echo "load.sh: $1" >&2; [ -z "${2:-}" ] || echo "hint: $2" >&2; exit 2; }

[ -d "$folder" ] || fail "there is no folder $folder"
folder=$(cd "$folder" && pwd)

# Table name and path of each file, in the order of the names.
declare -A path=()
tables=()
for file in "$folder"/*; do
	[ -f "$file" ] || continue
	name=$(basename "$file"); name=${name,,}
	case $name in *.csv | *.tsv | *.txt) name=${name%.*} ;; *) continue ;; esac
	if ! [[ $name =~ ^[a-z_][a-z0-9_]{0,62}$ ]]; then
		echo "skipped: $file (not the name of a table)" >&2
		continue
	fi
	[ -z "${path[$name]:-}" ] || fail "two files for one table: ${path[$name]} and $file"
	path[$name]=$file
	tables+=("$name")
done

[ -n "${path[person]:-}" ] || fail "no PERSON file in $folder" \
	"An OMOP CDM export has one CSV file a table; PERSON.csv (or person.csv, .tsv, .txt) is the one that must be there."
[ -s "${path[person]}" ] || fail "the PERSON file is empty: ${path[person]}"

header() { head -n 1 "$1" | sed -e 's/^\xef\xbb\xbf//' -e 's/\r$//'; }

separator() { # of a header line: "comma", "tab" or "none"
	awk '{ t = gsub(/\t/, ""); c = gsub(/,/, ""); s = gsub(/;/, "")
		print (t > c ? "tab" : c ? "comma" : s ? "none" : "comma") }' <<<"$1"
}

columns() { # header line, separator: one lower-case name a line, 5.3 names as in 5.4
	awk -v tab="$3" -v FS="$([ "$2" = tab ] && printf '\t' || printf ,)" '
	BEGIN {
		new["admitting_source_concept_id"] = "admitted_from_concept_id"
		new["admitting_source_value"] = "admitted_from_source_value"
		new["discharge_to_concept_id"] = "discharged_to_concept_id"
		new["discharge_to_source_value"] = "discharged_to_source_value"
		new["visit_detail_parent_id"] = "parent_visit_detail_id"
	}
	{ for (i = 1; i <= NF; i++) {
		c = tolower($i); gsub(/^[ "]+|[ "]+$/, "", c); gsub(/[^a-z0-9_]/, "_", c)
		if (c == "") c = "column_" i
		if (tab ~ /^visit_/ && c in new) c = new[c]
		print c } }' <<<"$1"
}

# Are the quotes of a tab file parts of the text?
raw_quotes() {
	awk '/"/ { s = "\t" $0 "\t"; sub(/\r\t$/, "\t", s)
		while (sub(/\t"([^"]|"")*"\t/, "\t\t", s));
		if (s ~ /"/) { found = 1; exit } } END { exit !found }' "$1"
}

sql_list() { # names on stdin, one a line: 'a','b'
	awk '{ printf "%s\047%s\047", (NR > 1 ? "," : ""), $0 }'
}

if [ -n "$check" ]; then
	columns "$(header "${path[person]}")" "$(separator "$(header "${path[person]}")")" person |
		grep -qx person_id || fail "the PERSON file has no column person_id: ${path[person]}" \
		"Fields are separated by commas or tabs, and the first row holds the names of the columns."
	exit 0
fi
"$0" --check "$folder"

script() {
	echo 'BEGIN;'
	cat "$here/schema.sql"
	cat <<'SQL'
CREATE FUNCTION pg_temp.ingest(tab text, stage regclass, cols text[]) RETURNS TABLE (loaded text, row_count bigint, remark text)
LANGUAGE plpgsql AS $$
DECLARE
	stmt text;
	added text;
	pkey name;
BEGIN
	loaded := tab;
	remark := '';
	IF to_regclass('omop.' || quote_ident(tab)) IS NULL THEN
		EXECUTE format('CREATE TABLE omop.%I ()', tab);
		remark := 'not a table of OMOP CDM 5.4, kept as text';
	END IF;

	SELECT string_agg(format('ADD COLUMN %I text', c), ', '), string_agg(c, ', ') INTO stmt, added
	FROM unnest(cols) AS c
	WHERE NOT EXISTS (SELECT FROM information_schema.columns
		WHERE table_schema = 'omop' AND table_name = tab AND column_name = c);
	IF stmt IS NOT NULL THEN
		EXECUTE format('ALTER TABLE omop.%I ', tab) || stmt;
		IF remark = '' THEN
			remark := 'kept as text: ' || added;
		END IF;
	END IF;

	SELECT format('INSERT INTO omop.%I (%s) SELECT %s FROM %s', tab,
		string_agg(quote_ident(column_name), ', '),
		string_agg(format(CASE
			WHEN data_type = 'text' THEN $f$nullif(nullif(%1$I, ''), '\N')$f$
			ELSE $f$(CASE WHEN %1$I NOT IN ('', '\N', 'NA', 'NULL') THEN %1$I END)$f$ || CASE data_type
				WHEN 'date' THEN '::timestamp::date'
				WHEN 'integer' THEN '::numeric::integer'
				WHEN 'bigint' THEN '::numeric::bigint'
				ELSE '::' || data_type END
			END, column_name), ', '), stage) INTO stmt
	FROM information_schema.columns
	WHERE table_schema = 'omop' AND table_name = tab AND column_name = ANY (cols);

	BEGIN
		EXECUTE stmt;
		GET DIAGNOSTICS row_count = ROW_COUNT;
	EXCEPTION WHEN unique_violation OR not_null_violation THEN
		-- Persons must be distinct; elsewhere a key that repeats harms nobody.
		SELECT conname INTO pkey FROM pg_constraint
		WHERE conrelid = format('omop.%I', tab)::regclass AND contype = 'p';
		IF tab = 'person' OR pkey IS NULL THEN
			RAISE;
		END IF;
		EXECUTE format('ALTER TABLE omop.%I DROP CONSTRAINT %I', tab, pkey);
		SELECT string_agg(format('ALTER COLUMN %I DROP NOT NULL', attname), ', ') INTO added
		FROM pg_attribute WHERE attrelid = format('omop.%I', tab)::regclass AND attnum > 0 AND attnotnull;
		IF added IS NOT NULL THEN
			EXECUTE format('ALTER TABLE omop.%I ', tab) || added;
		END IF;
		EXECUTE stmt;
		GET DIAGNOSTICS row_count = ROW_COUNT;
		remark := concat_ws('; ', nullif(remark, ''), 'its primary key is missing or repeats, so it has none');
	END;
	RETURN NEXT;
END $$;
SQL
	local table file head sep quote stage
	for table in "${tables[@]}"; do
		file=${path[$table]}
		if ! [ -s "$file" ]; then
			echo "skipped: $file (empty)" >&2
			continue
		fi
		head=$(header "$file")
		sep=$(separator "$head")
		[ "$sep" != none ] || fail "fields are separated by neither comma nor tab: $file"
		quote='"'
		if [ "$sep" = tab ] && raw_quotes "$file"; then quote=$'\b'; fi
		columns "$head" "$sep" "$table" >"$work/columns"
		# The staging table bears the file's name, so that an error says where it was.
		stage=$(basename "$file")
		echo "CREATE TEMP TABLE \"$stage\" ($(awk '{ printf "%s\"%s\" text", (NR > 1 ? ", " : ""), $0 }' "$work/columns"));"
		printf "\\\\copy \"%s\" from '%s' with (format csv, header, delimiter '%s', quote '%s')\n" \
			"$stage" "${file//\'/\'\'}" "$([ "$sep" = tab ] && printf '\t' || printf ,)" "$quote"
		echo "SELECT * FROM pg_temp.ingest('$table', '\"$stage\"', ARRAY[$(sql_list <"$work/columns")]);"
		echo "DROP TABLE \"$stage\";"
	done
	cat "$here/indexes.sql"
	echo 'COMMIT;'
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
script >"$work/load.sql"

export PGCLIENTENCODING=${PGCLIENTENCODING:-UTF8}
export PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=warning -c datestyle=ISO,YMD"
psql -X -q -A -t -F ' ' -v ON_ERROR_STOP=1 -v ECHO=none <"$work/load.sql" |
	awk '{ n = $2; $2 = ""; t = $1; $1 = ""; sub(/^ +/, ""); printf "  %-24s %9d rows%s\n", t, n, ($0 == "" ? "" : "  (" $0 ")") }'
[ "${PIPESTATUS[0]}" -eq 0 ] || fail "the load failed, and nothing of it is left" "See the error above."
