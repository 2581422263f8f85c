/*
 * total_input.c
 *		Casts from text that give NULL where the text is no value of the type.
 *
 * PostgreSQL 16 and newer read without raising. Before, what the type's own
 * reader accepts is told beforehand.
 */
#include "core/compat.h"

#include "access/detoast.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "total/total.h"

#if EHDS_SOFT_ERRORS

static bool
read_value(PGFunction input, char *string, Oid type, Datum *value)
{
	return ehds_soft_input(input, string, type, value);
}

#else

static char *
skip_spaces(char *p)
{
	while (isspace((unsigned char) *p))
		p++;
	return p;
}

/* [spaces] [sign] digits [spaces], and within the range */
static bool
is_integer(char *p, int64 least, int64 greatest)
{
	int64 value = 0; /* negative, of which there is one more */
	bool minus;

	p = skip_spaces(p);
	minus = *p == '-';
	if (*p == '-' || *p == '+')
		p++;
	if (!isdigit((unsigned char) *p))
		return false;
	for (; isdigit((unsigned char) *p); p++)
	{
		if (pg_mul_s64_overflow(value, 10, &value) || pg_sub_s64_overflow(value, *p - '0', &value))
			return false;
	}
	if (*skip_spaces(p) != '\0' || (!minus && value == PG_INT64_MIN))
		return false;
	return minus ? value >= least : -value <= greatest;
}

static bool
is_named_numeric(char *p)
{
	char *names[] = {"NaN", "Infinity", "+Infinity", "-Infinity", "inf", "+inf", "-inf"};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (pg_strncasecmp(p, names[i], strlen(names[i])) == 0 && *skip_spaces(p + strlen(names[i])) == '\0')
			return true;
	}
	return false;
}

/* [spaces] [sign] digits with at most one point [e [sign] digits] [spaces], and it can be stored */
static bool
is_numeric(char *p)
{
	long exponent = 0;
	long before = 0; /* digits before the point from the first one that is not 0 */
	long after = 0;
	long first = -1; /* zeros after the point before the first other digit */
	bool digits = false;
	bool point = false;

	p = skip_spaces(p);
	if (is_named_numeric(p))
		return true;
	if (*p == '-' || *p == '+')
		p++;
	for (; isdigit((unsigned char) *p) || (*p == '.' && !point); p++)
	{
		if (*p == '.')
		{
			point = true;
			continue;
		}
		digits = true;
		if (!point && (before > 0 || *p != '0'))
			before++;
		if (point)
		{
			if (first < 0 && *p != '0')
				first = after;
			after++;
		}
	}
	if (!digits)
		return false;
	if (*p == 'e' || *p == 'E')
	{
		char *end;

		exponent = strtol(p + 1, &end, 10);
		if (end == p + 1 || exponent >= PG_INT32_MAX / 2 || exponent <= -(PG_INT32_MAX / 2))
			return false;
		p = end;
	}
	if (*skip_spaces(p) != '\0')
		return false;
	if (after - exponent > 16383)
		return false;
	if (before > 0)
		return before + exponent <= 131072;
	return first < 0 || exponent - first <= 131072;
}

static bool
is_float8(char *p, bool single)
{
	bool error = false;
	float4 value;

	(void) float8in_internal_opt_error(p, NULL, "double precision", p, &error);
	if (error || !single)
		return !error;
	errno = 0;
	value = strtof(p, NULL);
	return errno != ERANGE || !(value == 0 || isinf(value));
}

/* Is it a word that stands for a date and a time, or a date? */
static bool
is_date_word(int field, char *word)
{
	int value;

	if (DecodeSpecial(field, word, &value) != RESERV)
		return false;
	switch (value)
	{
		case DTK_NOW:
		case DTK_YESTERDAY:
		case DTK_TODAY:
		case DTK_TOMORROW:
		case DTK_EPOCH:
		case DTK_LATE:
		case DTK_EARLY:
			return true;
		default:
			return false;
	}
}

/*
 * A field behind a date that begins with a letter and has punctuation can only be
 * the name of a time zone, and the decoder raises for one that it doesn't know.
 */
static bool
zones_are_known(char **field, int *ftype, int nf)
{
	bool date = false;

	for (int i = 0; i < nf; i++)
	{
		if (date && ftype[i] == DTK_DATE && !isdigit((unsigned char) *field[i]) && pg_tzset(field[i]) == NULL)
			return false;
		date = date || ftype[i] == DTK_DATE || ftype[i] == DTK_NUMBER || ftype[i] == DTK_SPECIAL ||
			   (ftype[i] == DTK_STRING && is_date_word(i, field[i]));
	}
	return true;
}

static bool
is_date_or_timestamp(char *p, Oid type)
{
	fsec_t fsec;
	struct pg_tm tm;
	int tz = 0;
	int dtype;
	int nf;
	char *field[MAXDATEFIELDS];
	int ftype[MAXDATEFIELDS];
	char work[MAXDATELEN + MAXDATEFIELDS];
	Timestamp ignored;

	if (ParseDateTime(p, work, sizeof(work), field, ftype, MAXDATEFIELDS, &nf) != 0 ||
		!zones_are_known(field, ftype, nf) || DecodeDateTime(field, ftype, nf, &dtype, &tm, &fsec, &tz) != 0)
		return false;
	switch (dtype)
	{
		case DTK_DATE:
			if (type == DATEOID)
				return IS_VALID_JULIAN(tm.tm_year, tm.tm_mon, tm.tm_mday) &&
					   IS_VALID_DATE(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE);
			return tm2timestamp(&tm, fsec, type == TIMESTAMPTZOID ? &tz : NULL, &ignored) == 0;
		case DTK_EPOCH:
		case DTK_LATE:
		case DTK_EARLY:
			return true;
		default:
			return false;
	}
}

static bool
is_uuid(char *p)
{
	int digits = 0;
	bool brace = *p == '{';

	if (brace)
		p++;
	for (; *p != '\0' && *p != '}'; p++)
	{
		/* a hyphen may stand behind each group of four digits */
		if (*p == '-' && digits > 0 && digits < 32 && digits % 4 == 0 && p[-1] != '-')
			continue;
		if (!isxdigit((unsigned char) *p) || ++digits > 32)
			return false;
	}
	if (digits != 32)
		return false;
	return brace ? (p[0] == '}' && p[1] == '\0') : *p == '\0';
}

static bool
is_value(char *string, Oid type)
{
	switch (type)
	{
		case INT2OID:
			return is_integer(string, PG_INT16_MIN, PG_INT16_MAX);
		case INT4OID:
			return is_integer(string, PG_INT32_MIN, PG_INT32_MAX);
		case INT8OID:
			return is_integer(string, PG_INT64_MIN, PG_INT64_MAX);
		case FLOAT4OID:
			return is_float8(string, true);
		case FLOAT8OID:
			return is_float8(string, false);
		case NUMERICOID:
			return is_numeric(string);
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return is_date_or_timestamp(string, type);
		case UUIDOID:
			return is_uuid(string);
		default:
			return false;
	}
}

static bool
read_value(PGFunction input, char *string, Oid type, Datum *value)
{
	if (!is_value(string, type))
		return false;
	*value = DirectFunctionCall3(input, CStringGetDatum(string), ObjectIdGetDatum(InvalidOid),
								 Int32GetDatum(-1));
	return true;
}

#endif

static bool
read_text(FunctionCallInfo fcinfo, PGFunction input, Oid type, Datum *value)
{
	/* nothing that is longer is a number or a date that anyone has */
	if (toast_raw_datum_size(PG_GETARG_DATUM(0)) > EHDS_TOTAL_NUMERIC_MAX)
		return false;
	return read_value(input, text_to_cstring(PG_GETARG_TEXT_PP(0)), type, value);
}

#define FROM_TEXT(name, input, type)                 \
	EHDS_TOTAL(from_text_##name)                     \
	{                                                \
		Datum value;                                 \
                                                     \
		if (!read_text(fcinfo, input, type, &value)) \
			PG_RETURN_NULL();                        \
		PG_RETURN_DATUM(value);                      \
	}                                                \
	extern int ehds_no_semicolon

FROM_TEXT(int2, int2in, INT2OID);
FROM_TEXT(int4, int4in, INT4OID);
FROM_TEXT(int8, int8in, INT8OID);
FROM_TEXT(float4, float4in, FLOAT4OID);
FROM_TEXT(float8, float8in, FLOAT8OID);
FROM_TEXT(numeric, numeric_in, NUMERICOID);
FROM_TEXT(date, date_in, DATEOID);
FROM_TEXT(timestamp, timestamp_in, TIMESTAMPOID);
FROM_TEXT(timestamptz, timestamptz_in, TIMESTAMPTZOID);
FROM_TEXT(uuid, uuid_in, UUIDOID);

EHDS_TOTAL(from_text_bool)
{
	char *string;
	size_t length;
	bool value;

	if (toast_raw_datum_size(PG_GETARG_DATUM(0)) > EHDS_TOTAL_NUMERIC_MAX)
		PG_RETURN_NULL();
	string = text_to_cstring(PG_GETARG_TEXT_PP(0));
	while (isspace((unsigned char) *string))
		string++;
	length = strlen(string);
	while (length > 0 && isspace((unsigned char) string[length - 1]))
		length--;
	if (!parse_bool_with_len(string, length, &value))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(value);
}
