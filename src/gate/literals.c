/*
 * literals.c
 *		Arguments that must be literals where an expression sees personal data:
 *		fields, units, formats, patterns. What is wrong with them is told before a
 *		row is read.
 */
#include "core/compat.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/formatting.h"

#include "gate/allowed.h"

/* Longer ones take long to compile, for each row if there are many of them. */
#define REGEX_MAX 256
#define REGEX_REPEAT_MAX 50

/* Fields that dates and timestamps have alike. */
static const char *const date_fields[] = {
	"year", "month",   "day",    "quarter", "week",       "dow",   "isodow",
	"doy",  "isoyear", "decade", "century", "millennium", "epoch", "julian",
};

static const char *const time_fields[] = {"hour", "minute", "second", "milliseconds", "microseconds"};

static const char *const interval_fields[] = {
	"year", "month", "day", "quarter", "decade", "century", "millennium", "epoch",
};

static const char *const units[] = {
	"microseconds", "milliseconds", "second", "minute", "hour",    "day",        "week",
	"month",        "quarter",      "year",   "decade", "century", "millennium",
};

/* Parts of a format of dates; the longer of two that begin alike comes first. */
static const char *const output_parts[] = {
	"YYYY", "YY", "IYYY", "MM",  "Month", "MONTH", "month", "Mon", "MON", "mon",
	"DDD",  "DD", "Day",  "DAY", "day",   "Dy",    "DY",    "dy",  "D",   "ID",
	"IW",   "WW", "W",    "Q",   "HH24",  "HH12",  "MI",    "SS",  "AM",  "PM",
};
static const char *const input_parts[] = {"YYYY", "MM", "DDD", "DD"};

static bool
listed(const char *word, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(list[i], word) == 0)
			return true;
	}
	return false;
}

char *
ehds_constant_text(Node *node)
{
	Const *c;

	if (node == NULL)
		return NULL;
	if (!IsA(node, Const))
	{
		if (contain_var_clause(node) || contain_mutable_functions(node) || contain_agg_clause(node))
			return NULL;
		node = eval_const_expressions(NULL, copyObject(node));
	}
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (!IsA(node, Const))
		return NULL;
	c = (Const *) node;
	if (c->constisnull || (c->consttype != TEXTOID && c->consttype != VARCHAROID))
		return NULL;
	return TextDatumGetCString(c->constvalue);
}

/* A pattern that ends in a lone backslash raises, but only when it is reached. */
bool
ehds_is_sound_pattern(Node *node)
{
	char *pattern = ehds_constant_text(node);

	if (pattern == NULL)
		return false;
	for (char *p = pattern; *p; p++)
	{
		if (*p == '\\' && *++p == '\0')
			return false;
	}
	return true;
}

bool
ehds_is_field(Node *node, Oid type)
{
	char *field = ehds_constant_text(node);

	if (field == NULL)
		return false;
	field = asc_tolower(field, strlen(field));
	if (type == DATEOID)
		return listed(field, date_fields, lengthof(date_fields));
	if (type == INTERVALOID)
		return listed(field, interval_fields, lengthof(interval_fields)) ||
			   listed(field, time_fields, lengthof(time_fields));
	return listed(field, date_fields, lengthof(date_fields)) ||
		   listed(field, time_fields, lengthof(time_fields));
}

static bool
is_unit(Node *node)
{
	char *unit = ehds_constant_text(node);

	return unit != NULL && listed(asc_tolower(unit, strlen(unit)), units, lengthof(units));
}

/* Is it made of listed parts, punctuation and quoted text? input: for to_date */
bool
ehds_is_date_format(Node *node, bool input)
{
	char *p = ehds_constant_text(node);
	const char *const *parts = input ? input_parts : output_parts;
	int n = input ? lengthof(input_parts) : lengthof(output_parts);

	if (p == NULL || strlen(p) > REGEX_MAX)
		return false;
	while (*p != '\0')
	{
		int i;

		if (*p == '"' && !input)
		{
			p = strpbrk(p + 1, "\"\\");
			if (p == NULL || *p == '\\')
				return false;
			p++;
			continue;
		}
		if (strchr("-/._:, ", *p) != NULL)
		{
			p++;
			continue;
		}
		for (i = 0; i < n; i++)
		{
			if (strncmp(p, parts[i], strlen(parts[i])) == 0)
				break;
		}
		if (i == n)
			return false;
		p += strlen(parts[i]);
	}
	return true;
}

/* What a matcher without back references and look-around decides in one pass over the text. */
static const char *
wrong_regex(Node *node, Oid funcid, Oid collation)
{
	char *pattern = ehds_constant_text(node);

	if (pattern == NULL)
		return "the pattern must be a literal";
	if (strlen(pattern) > REGEX_MAX)
		return "the pattern is longer than 256 bytes";
	if (strncmp(pattern, "***", 3) == 0)
		return "the pattern begins with ***";
	for (char *p = pattern; *p; p++)
	{
		if (*p == '\\' && p[1] >= '1' && p[1] <= '9')
			return "the pattern has a back reference";
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '(' && p[1] == '?' && p[2] != ':')
			return "the pattern has look-around or embedded options";
		else if (*p == '{' && strtol(p + 1, &p, 10) > REGEX_REPEAT_MAX)
			return "the pattern repeats more than 50 times";
		else if (*p == ',' && strtol(p + 1, NULL, 10) > REGEX_REPEAT_MAX)
			return "the pattern repeats more than 50 times";
		if (*p == '\0')
			break;
	}
	/* raises if it is no pattern, before any row is read */
	(void) OidFunctionCall2Coll(funcid, collation, CStringGetTextDatum(""), CStringGetTextDatum(pattern));
	return NULL;
}

static bool
is_small_exponent(Node *node)
{
	Const *c;

	if (contain_var_clause(node) || contain_mutable_functions(node) || contain_agg_clause(node))
		return false;
	c = (Const *) eval_const_expressions(NULL, copyObject(node));
	if (!IsA(c, Const) || c->constisnull || c->consttype != NUMERICOID ||
		toast_raw_datum_size(c->constvalue) > 64)
		return false;
	for (int n = -10; n <= 10; n++)
	{
		if (DatumGetBool(DirectFunctionCall2(numeric_eq, c->constvalue,
											 DirectFunctionCall1(int4_numeric, Int32GetDatum(n)))))
			return true;
	}
	return false;
}

const char *
ehds_wrong_literal(EhdsLiteral literal, Oid funcid, List *args, Oid collation)
{
	switch (literal)
	{
		case EHDS_LITERAL_UNIT:
			if (!is_unit(linitial(args)))
				return "the unit must be a literal: microseconds, milliseconds, second, minute, hour, day, week, month, quarter, year, decade, century or millennium";
			return NULL;
		case EHDS_LITERAL_FIELD:
			if (!ehds_is_field(linitial(args), exprType(lsecond(args))))
				return "the field must be a literal: year, month, day, quarter, week, dow, isodow, doy, isoyear, decade, century, millennium, epoch, julian, and of a timestamp hour, minute, second, milliseconds or microseconds";
			return NULL;
		case EHDS_LITERAL_FORMAT:
			if (exprType(linitial(args)) == TEXTOID && !ehds_is_date_format(lsecond(args), true))
				return "the format must be a literal of YYYY, MM, DD, DDD and punctuation";
			if (exprType(linitial(args)) != TEXTOID && !ehds_is_date_format(lsecond(args), false))
				return "the format must be a literal of YYYY, YY, MM, Mon, Month, DD, DDD, D, Dy, Day, IYYY, IW, ID, WW, W, Q, HH24, HH12, MI, SS, AM, text in double quotes and punctuation";
			return NULL;
		case EHDS_LITERAL_REGEX:
			return wrong_regex(lsecond(args), funcid, collation);
		case EHDS_LITERAL_EXPONENT:
			if (!is_small_exponent(lsecond(args)))
				return "the exponent must be a whole number from -10 to 10, as a literal";
			return NULL;
		case EHDS_LITERAL_NONE:
			break;
	}
	return NULL;
}
