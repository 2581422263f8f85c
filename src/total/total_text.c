/*
 * total_text.c
 *		Text functions that give NULL where the built-ins raise, and for texts of
 *		more than 64 kB: nested calls would make texts of any size, for chosen rows.
 */
#include "core/compat.h"

#include "access/detoast.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "total/total.h"

static Size
bytes(FunctionCallInfo fcinfo, int n)
{
	return toast_raw_datum_size(PG_GETARG_DATUM(n)) - VARHDRSZ;
}

/* The first n arguments together are not too long, so neither is what is made of them. */
static bool
are_small(FunctionCallInfo fcinfo, int n)
{
	Size sum = 0;

	for (int i = 0; i < n; i++)
		sum += bytes(fcinfo, i);
	return sum <= EHDS_TOTAL_TEXT_MAX;
}

#define OF_SMALL_TEXTS(name, n)    \
	EHDS_TOTAL(name)               \
	{                              \
		if (!are_small(fcinfo, n)) \
			PG_RETURN_NULL();      \
		EHDS_NATIVE(name);         \
	}                              \
	extern int ehds_no_semicolon

OF_SMALL_TEXTS(textcat, 2);
OF_SMALL_TEXTS(lower, 1);
OF_SMALL_TEXTS(upper, 1);
OF_SMALL_TEXTS(initcap, 1);
OF_SMALL_TEXTS(text_left, 1);
OF_SMALL_TEXTS(text_right, 1);
OF_SMALL_TEXTS(text_reverse, 1);
OF_SMALL_TEXTS(btrim, 2);
OF_SMALL_TEXTS(btrim1, 1);
OF_SMALL_TEXTS(ltrim, 2);
OF_SMALL_TEXTS(ltrim1, 1);
OF_SMALL_TEXTS(rtrim, 2);
OF_SMALL_TEXTS(rtrim1, 1);
OF_SMALL_TEXTS(translate, 3);
OF_SMALL_TEXTS(textregexeq, 2);
OF_SMALL_TEXTS(textregexne, 2);
OF_SMALL_TEXTS(texticregexeq, 2);
OF_SMALL_TEXTS(texticregexne, 2);
OF_SMALL_TEXTS(text_substr_no_len, 1);

EHDS_TOTAL(text_substr)
{
	if (!are_small(fcinfo, 1) || PG_GETARG_INT32(2) < 0)
		PG_RETURN_NULL();
	EHDS_NATIVE(text_substr);
}

EHDS_TOTAL(split_part)
{
	if (!are_small(fcinfo, 2) || PG_GETARG_INT32(2) == 0)
		PG_RETURN_NULL();
	EHDS_NATIVE(split_part);
}

#define PAD(name)                                                              \
	EHDS_TOTAL(name)                                                           \
	{                                                                          \
		if (!are_small(fcinfo, 1) || bytes(fcinfo, 2) > EHDS_TOTAL_TEXT_MAX || \
			PG_GETARG_INT32(1) > EHDS_TOTAL_TEXT_MAX)                          \
			PG_RETURN_NULL();                                                  \
		EHDS_NATIVE(name);                                                     \
	}                                                                          \
	extern int ehds_no_semicolon

PAD(lpad);
PAD(rpad);

/* A pattern that ends in a lone backslash raises, but only when the text gets there. */
static bool
pattern_is_sound(FunctionCallInfo fcinfo)
{
	text *pattern;
	char *p;
	char *end;

	if (!are_small(fcinfo, 2))
		return false;
	pattern = PG_GETARG_TEXT_PP(1);
	p = VARDATA_ANY(pattern);
	end = p + VARSIZE_ANY_EXHDR(pattern);
	for (; p < end; p++)
	{
		if (*p == '\\' && ++p == end)
			return false;
	}
	return true;
}

#define WITH_PATTERN(name)             \
	EHDS_TOTAL(name)                   \
	{                                  \
		if (!pattern_is_sound(fcinfo)) \
			PG_RETURN_NULL();          \
		EHDS_NATIVE(name);             \
	}                                  \
	extern int ehds_no_semicolon

WITH_PATTERN(textlike);
WITH_PATTERN(textnlike);
WITH_PATTERN(texticlike);
WITH_PATTERN(texticnlike);

EHDS_TOTAL(replace_text)
{
	text *source;
	text *from;
	char *at;
	char *end;
	Size length;
	Size times = 0;

	if (!are_small(fcinfo, 3))
		PG_RETURN_NULL();
	source = PG_GETARG_TEXT_PP(0);
	from = PG_GETARG_TEXT_PP(1);
	length = VARSIZE_ANY_EXHDR(from);
	at = VARDATA_ANY(source);
	end = at + VARSIZE_ANY_EXHDR(source);
	/* by bytes: as many as by characters, or more */
	while (length > 0 && (at = memmem(at, end - at, VARDATA_ANY(from), length)) != NULL)
	{
		times++;
		at += length;
	}
	if (VARSIZE_ANY_EXHDR(source) + times * bytes(fcinfo, 2) > EHDS_TOTAL_TEXT_MAX)
		PG_RETURN_NULL();
	EHDS_NATIVE(replace_text);
}
