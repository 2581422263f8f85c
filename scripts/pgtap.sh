#!/bin/sh
# pgtap.sh FILE
#	Runs one pgTAP file in a fresh database with pgtap and pg_ehds in it.
#
# A database of its own for each file: the ledger survives ROLLBACK, so a file
# could not clean up behind itself. Roles belong to all databases: those of the
# file before go with its database.

psql -Xq -d postgres -v ON_ERROR_STOP=1 <<'EOF' || exit 1
SET client_min_messages = warning;
DROP DATABASE IF EXISTS pgtap WITH (FORCE);
SELECT pg_catalog.format('DROP ROLE %I', rolname) FROM pg_catalog.pg_roles
WHERE rolname !~ '^(pg_|ehds_)' AND oid <> 10 \gexec
CREATE DATABASE pgtap TEMPLATE pgtap_template;
EOF
exec psql -XqAt -P pager=off -v ON_ERROR_STOP=1 -d pgtap -f "$1"
