/*
 * allowed.c
 *		Which built-in functions may see personal data, and on what condition.
 *
 * doc/expressions.md is made from ehds.allowed_functions(), so of these lists.
 */
#include "core/compat.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"

#include "catalog/catalog_cache.h"
#include "gate/allowed.h"

/*
 * Not leakproof in pg_proc, but they can't raise whatever the arguments, casts
 * that hold every value of their source included. By OID: a name has overloads
 * that raise (length(bytea, name), factorial as a "cast" from bigint to numeric).
 */
static const Oid total_functions[] = {
	F_NUMERIC_EQ,
	F_NUMERIC_NE,
	F_NUMERIC_LT,
	F_NUMERIC_LE,
	F_NUMERIC_GT,
	F_NUMERIC_GE,
	F_DATE_EQ_TIMESTAMP,
	F_DATE_NE_TIMESTAMP,
	F_DATE_LT_TIMESTAMP,
	F_DATE_LE_TIMESTAMP,
	F_DATE_GT_TIMESTAMP,
	F_DATE_GE_TIMESTAMP,
	F_TIMESTAMP_EQ_DATE,
	F_TIMESTAMP_NE_DATE,
	F_TIMESTAMP_LT_DATE,
	F_TIMESTAMP_LE_DATE,
	F_TIMESTAMP_GT_DATE,
	F_TIMESTAMP_GE_DATE,
	F_DATE_EQ_TIMESTAMPTZ,
	F_DATE_NE_TIMESTAMPTZ,
	F_DATE_LT_TIMESTAMPTZ,
	F_DATE_LE_TIMESTAMPTZ,
	F_DATE_GT_TIMESTAMPTZ,
	F_DATE_GE_TIMESTAMPTZ,
	F_TIMESTAMPTZ_EQ_DATE,
	F_TIMESTAMPTZ_NE_DATE,
	F_TIMESTAMPTZ_LT_DATE,
	F_TIMESTAMPTZ_LE_DATE,
	F_TIMESTAMPTZ_GT_DATE,
	F_TIMESTAMPTZ_GE_DATE,
	F_TIMESTAMP_EQ_TIMESTAMPTZ,
	F_TIMESTAMP_NE_TIMESTAMPTZ,
	F_TIMESTAMP_LT_TIMESTAMPTZ,
	F_TIMESTAMP_LE_TIMESTAMPTZ,
	F_TIMESTAMP_GT_TIMESTAMPTZ,
	F_TIMESTAMP_GE_TIMESTAMPTZ,
	F_TIMESTAMPTZ_EQ_TIMESTAMP,
	F_TIMESTAMPTZ_NE_TIMESTAMP,
	F_TIMESTAMPTZ_LT_TIMESTAMP,
	F_TIMESTAMPTZ_LE_TIMESTAMP,
	F_TIMESTAMPTZ_GT_TIMESTAMP,
	F_TIMESTAMPTZ_GE_TIMESTAMP,
	F_BPCHAREQ,
	F_BPCHARNE,
	F_STARTS_WITH,
	F_LENGTH_TEXT,
	F_LENGTH_BPCHAR,
	F_CHAR_LENGTH_TEXT,
	F_CHARACTER_LENGTH_TEXT,
	F_TRIM_SCALE,
	F_INT4_INT2,
	F_INT8_INT2,
	F_NUMERIC_INT2,
	F_FLOAT8_INT2,
	F_INT8_INT4,
	F_NUMERIC_INT4,
	F_FLOAT8_INT4,
	F_NUMERIC_INT8,
	F_FLOAT8_INT8,
	F_FLOAT8_FLOAT4,
	F_TEXT_BPCHAR,
	F_TEXT_NAME,
	F_TEXT_BOOL,
	F_BPCHARLT,
	F_BPCHARLE,
	F_BPCHARGT,
	F_BPCHARGE,
	F_OCTET_LENGTH_TEXT,
	F_STRPOS,
	F_POSITION_TEXT_TEXT,
	F_ABS_FLOAT4,
	F_ABS_FLOAT8,
	F_ABS_NUMERIC,
	F_FLOAT4ABS,
	F_FLOAT8ABS,
	F_NUMERIC_ABS,
	F_FLOAT4UM,
	F_FLOAT8UM,
	F_NUMERIC_UMINUS,
	F_FLOAT4UP,
	F_FLOAT8UP,
	F_NUMERIC_UPLUS,
	F_INT2UP,
	F_INT4UP,
	F_INT8UP,
	F_SIGN_FLOAT8,
	F_SIGN_NUMERIC,
	F_ROUND_FLOAT8,
	F_DROUND,
	F_TRUNC_FLOAT8,
	F_DTRUNC,
	F_CEIL_FLOAT8,
	F_CEILING_FLOAT8,
	F_FLOOR_FLOAT8,
	F_CBRT,
	F_DCBRT,
	F_INT2AND,
	F_INT2OR,
	F_INT2XOR,
	F_INT2NOT,
	F_INT4AND,
	F_INT4OR,
	F_INT4XOR,
	F_INT4NOT,
	F_INT8AND,
	F_INT8OR,
	F_INT8XOR,
	F_INT8NOT,
	F_NUMERIC_FLOAT4,
	F_NUMERIC_FLOAT8,
	F_INT4_CHAR,
	F_ISFINITE_DATE,
	F_ISFINITE_TIMESTAMP,
	F_ISFINITE_TIMESTAMPTZ,
	F_ISFINITE_INTERVAL,
	F_DATE_TIMESTAMP,
	F_OVERLAPS_TIMESTAMP_TIMESTAMP_TIMESTAMP_TIMESTAMP,
	F_OVERLAPS_TIMESTAMPTZ_TIMESTAMPTZ_TIMESTAMPTZ_TIMESTAMPTZ,
	F_CARDINALITY,
	F_ARRAY_LENGTH,
};

/*
 * Total for texts of a size that a warehouse has: for columns of the permit only.
 * Otherwise the total version, which has a limit, takes their place.
 */
static const Oid copying_functions[] = {
	F_LOWER_TEXT,
	F_UPPER_TEXT,
	F_INITCAP,
	F_LEFT,
	F_RIGHT,
	F_BTRIM_TEXT,
	F_BTRIM_TEXT_TEXT,
	F_LTRIM_TEXT,
	F_LTRIM_TEXT_TEXT,
	F_RTRIM_TEXT,
	F_RTRIM_TEXT_TEXT,
	F_SUBSTRING_TEXT_INT4,
	F_SUBSTR_TEXT_INT4,
};

static const Oid pattern_functions[] = {
	F_TEXTLIKE,
	F_TEXTNLIKE,
	F_BPCHARLIKE,
	F_BPCHARNLIKE,
};

/* Total if the first argument is one of the fields in literals.c. */
static const Oid field_functions[] = {
	F_EXTRACT_TEXT_DATE,     F_EXTRACT_TEXT_TIMESTAMP,  F_DATE_PART_TEXT_TIMESTAMP,
	F_EXTRACT_TEXT_INTERVAL, F_DATE_PART_TEXT_INTERVAL,
};

static const Oid element_functions[] = {
	F_ARRAYOVERLAP, F_ARRAYCONTAINS, F_ARRAYCONTAINED, F_ARRAY_EQ, F_ARRAY_NE,
};

static const struct
{
	const char *name; /* of the C function that the total version is made of */
	EhdsLiteral literal;
} literals[] = {
	{"timestamp_trunc", EHDS_LITERAL_UNIT},       {"timestamptz_trunc", EHDS_LITERAL_UNIT},
	{"extract_timestamptz", EHDS_LITERAL_FIELD},  {"timestamptz_part", EHDS_LITERAL_FIELD},
	{"timestamptz_to_char", EHDS_LITERAL_FORMAT}, {"to_date", EHDS_LITERAL_FORMAT},
	{"textregexeq", EHDS_LITERAL_REGEX},          {"textregexne", EHDS_LITERAL_REGEX},
	{"texticregexeq", EHDS_LITERAL_REGEX},        {"texticregexne", EHDS_LITERAL_REGEX},
	{"numeric_power", EHDS_LITERAL_EXPONENT},
};

static bool
listed(Oid funcid, const Oid *list, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (list[i] == funcid)
			return true;
	}
	return false;
}

EhdsAllowed
ehds_allowed(Oid funcid)
{
	HeapTuple tuple;
	Form_pg_proc proc;
	bool leakproof;

	/* a user's function of the same name as ours, or a leakproof one of a user's */
	if (funcid >= FirstUnpinnedObjectId)
		return EHDS_NOT_ALLOWED;
	if (listed(funcid, total_functions, lengthof(total_functions)))
		return EHDS_TOTAL_FUNCTION;
	if (listed(funcid, copying_functions, lengthof(copying_functions)))
		return EHDS_OF_COLUMN;
	if (listed(funcid, pattern_functions, lengthof(pattern_functions)))
		return EHDS_OF_PATTERN;
	if (listed(funcid, field_functions, lengthof(field_functions)))
		return EHDS_OF_FIELD;
	if (listed(funcid, element_functions, lengthof(element_functions)))
		return EHDS_OF_ELEMENTS;
	switch (funcid)
	{
		case F_TO_CHAR_TIMESTAMP_TEXT:
			return EHDS_OF_FORMAT;
		case F_WIDTH_BUCKET_ANYCOMPATIBLE_ANYCOMPATIBLEARRAY:
			return EHDS_OF_THRESHOLDS;
		case F_VARCHAR_VARCHAR_INT4_BOOL:
		case F_BPCHAR_BPCHAR_INT4_BOOL:
			return EHDS_OF_TYPMOD;
		default:
			break;
	}
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		return EHDS_NOT_ALLOWED;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	leakproof = proc->proleakproof && proc->provolatile != PROVOLATILE_VOLATILE && !proc->proretset;
	ReleaseSysCache(tuple);
	if (leakproof)
		return EHDS_LEAKPROOF;
	return OidIsValid(ehds_total_version(funcid)) ? EHDS_REPLACED : EHDS_NOT_ALLOWED;
}

Oid
ehds_total_version(Oid funcid)
{
	HeapTuple tuple;
	Form_pg_proc proc;
	char *name;
	Oid result = InvalidOid;

	if (funcid >= FirstUnpinnedObjectId)
		return InvalidOid;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	if (proc->prolang == INTERNALlanguageId && !proc->proretset)
	{
		name = psprintf("total_%s", NameStr(proc->proname));
		result = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
								 PointerGetDatum(&proc->proargtypes), ObjectIdGetDatum(ehds_namespace()));
		pfree(name);
	}
	ReleaseSysCache(tuple);
	return result;
}

Oid
ehds_native_version(Oid funcid)
{
	EhdsLiteral literal;
	HeapTuple tuple;
	Oid native;

	if (!ehds_is_total_version(funcid, &literal))
		return funcid;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		return funcid;
	native = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
							 CStringGetDatum(NameStr(((Form_pg_proc) GETSTRUCT(tuple))->proname) +
											 strlen("total_")),
							 PointerGetDatum(&((Form_pg_proc) GETSTRUCT(tuple))->proargtypes),
							 ObjectIdGetDatum(PG_CATALOG_NAMESPACE));
	ReleaseSysCache(tuple);
	return OidIsValid(native) ? native : funcid;
}

Oid
ehds_total_from_text(Oid type)
{
	Oid text = TEXTOID;
	HeapTuple tuple = type < FirstUnpinnedObjectId ? SearchSysCache1(TYPEOID, ObjectIdGetDatum(type)) : NULL;
	char *name;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	name = psprintf("total_from_text_%s", NameStr(((Form_pg_type) GETSTRUCT(tuple))->typname));
	ReleaseSysCache(tuple);
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
						   PointerGetDatum(buildoidvector(&text, 1)), ObjectIdGetDatum(ehds_namespace()));
}

bool
ehds_is_total_version(Oid funcid, EhdsLiteral *literal)
{
	static const char prefix[] = "ehds_total_";
	HeapTuple tuple;
	Form_pg_proc proc;
	bool result;

	*literal = EHDS_LITERAL_NONE;
	if (funcid < FirstUnpinnedObjectId)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		return false;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	/* nobody else makes functions in our schema, and only superusers make any in C */
	result = proc->pronamespace == ehds_namespace() && proc->prolang == ClanguageId &&
			 strncmp(NameStr(proc->proname), "total_", 6) == 0;
	if (result)
	{
		bool isnull;
		char *source = TextDatumGetCString(SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull));

		for (int i = 0; i < lengthof(literals); i++)
		{
			if (strncmp(source, prefix, strlen(prefix)) == 0 &&
				strcmp(source + strlen(prefix), literals[i].name) == 0)
				*literal = literals[i].literal;
		}
	}
	ReleaseSysCache(tuple);
	return result;
}

PG_FUNCTION_INFO_V1(ehds_allowed_rule);

/* allowed_rule(function): on what condition an expression below the border may call it; NULL: never */
Datum
ehds_allowed_rule(PG_FUNCTION_ARGS)
{
	Oid funcid = PG_GETARG_OID(0);
	EhdsLiteral literal;
	const char *rule = NULL;

	switch (ehds_allowed(funcid))
	{
		case EHDS_NOT_ALLOWED:
			PG_RETURN_NULL();
		case EHDS_LEAKPROOF:
			rule = "as it is: leakproof";
			break;
		case EHDS_TOTAL_FUNCTION:
			rule = "as it is: never raises";
			break;
		case EHDS_OF_COLUMN:
			rule = "as it is on a column, else NULL for texts of more than 64 kB";
			break;
		case EHDS_OF_PATTERN:
			rule = "as it is with a literal pattern, else NULL for texts of more than 64 kB";
			break;
		case EHDS_OF_FIELD:
			rule = "as it is, the field a literal";
			break;
		case EHDS_OF_FORMAT:
			rule = "as it is, the format a literal";
			break;
		case EHDS_OF_ELEMENTS:
			rule = "as it is, if the elements' = never raises";
			break;
		case EHDS_OF_THRESHOLDS:
			rule = "as it is, the thresholds a constant array without NULLs";
			break;
		case EHDS_OF_TYPMOD:
			rule = "as it is in an explicit cast to at most 1024 characters";
			break;
		case EHDS_REPLACED:
			(void) ehds_is_total_version(ehds_total_version(funcid), &literal);
			switch (literal)
			{
				case EHDS_LITERAL_NONE:
					rule = "NULL where it would raise";
					break;
				case EHDS_LITERAL_UNIT:
					rule = "NULL where it would raise, the unit a literal";
					break;
				case EHDS_LITERAL_FIELD:
					rule = "NULL where it would raise, the field a literal";
					break;
				case EHDS_LITERAL_FORMAT:
					rule = "NULL where it would raise, the format a literal";
					break;
				case EHDS_LITERAL_REGEX:
					rule = "as it is on a column, else NULL for texts of more than 64 kB; the pattern a literal without back references and look-around";
					break;
				case EHDS_LITERAL_EXPONENT:
					rule = "NULL where it would raise, the exponent a whole number from -10 to 10";
					break;
			}
			break;
	}
	PG_RETURN_TEXT_P(cstring_to_text(rule));
}
