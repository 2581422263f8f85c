#!/usr/bin/env bash
# generate.sh
#	Makes the demonstration warehouse (schema omop) in the database of the
#	environment: PERSONS persons (20000), seed SEED (1).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
persons=${PERSONS:-20000}
seed=${SEED:-1}

case $persons$seed in
	*[!0-9]*) echo "generate.sh: PERSONS and SEED must be whole numbers" >&2; exit 2 ;;
esac
if [ "$persons" -lt 100 ] || [ "$persons" -gt 5000000 ]; then
	echo "generate.sh: PERSONS must be between 100 and 5000000" >&2
	exit 2
fi

export PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=warning"
cat "$here/schema.sql" "$here/generate.sql" "$here/indexes.sql" |
	psql -X -q -v ON_ERROR_STOP=1 -v persons="$persons" -v seed="$seed"
