-- pseudonym: keyed pseudonyms of identities and row identifiers

CREATE FUNCTION ehds.pseudonym(value text, domain text, kind text, approval ehds.approval) RETURNS text
    AS 'MODULE_PATHNAME', 'ehds_pseudonym_text' LANGUAGE C STABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION ehds.pseudonym(text, text, text, ehds.approval) IS
    'pseudonym of a value in a domain: ''v<key version>-'' and 32 hexadecimal digits of HMAC-SHA-256 (128 bits) under a key of (domain, version, kind); kind is ''subject'' for persons, else the column''s name. Runs only in a query that the gate has approved (ZE004), which is checked before NULL gives NULL; ZE006 without the key.';

CREATE FUNCTION ehds.pseudonym(value bigint, domain text, kind text, approval ehds.approval) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_pseudonym_bigint' LANGUAGE C STABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ehds.pseudonym(bigint, text, text, ehds.approval) IS
    'pseudonym of an integer: a keyed bijection on 1..10^15-1 (exact in double precision), Feistel network over HMAC-SHA-256 with cycle walking; a value outside raises 22003. Else as for text.';

CREATE FUNCTION ehds.pseudonym_of(value text, domain text, kind text) RETURNS text
    AS 'MODULE_PATHNAME', 'ehds_pseudonym_of_text' LANGUAGE C STABLE PARALLEL SAFE COST 20;
REVOKE ALL ON FUNCTION ehds.pseudonym_of(text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION ehds.pseudonym_of(text, text, text) IS
    'as ehds.pseudonym, without approval: for the extension''s own functions; NULL gives NULL';

CREATE FUNCTION ehds.pseudonym_of(value bigint, domain text, kind text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ehds_pseudonym_of_bigint' LANGUAGE C STABLE PARALLEL SAFE COST 100;
REVOKE ALL ON FUNCTION ehds.pseudonym_of(bigint, text, text) FROM PUBLIC;
COMMENT ON FUNCTION ehds.pseudonym_of(bigint, text, text) IS
    'as ehds.pseudonym, without approval: for the extension''s own functions; NULL gives NULL';
