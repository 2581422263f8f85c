/*
 * total.h
 *		Functions that do what built-in ones do, and give NULL where those raise.
 *
 *	total_integer.c	arithmetic and casts of integers
 *	total_float.c	... of float4 and float8
 *	total_numeric.c	... of numeric
 *	total_date.c	dates, timestamps, intervals
 *	total_trunc.c	date_trunc
 *	total_text.c	text functions
 *	total_input.c	casts from text
 *
 * Below the border an error of one row would tell of that row, and so would a row
 * that takes a thousand times as long. So these raise for no argument, write no
 * message, and take values up to a size: beyond it they give NULL as well.
 *
 * ehds_total_<C name of the built-in> is the C function; total.sql declares it for
 * every SQL function that the built-in is used for, with the same types.
 */
#ifndef EHDS_TOTAL_H
#define EHDS_TOTAL_H

#include "core/compat.h"

#include "fmgr.h"

/* bytes of a text that is worked on, or that comes out */
#define EHDS_TOTAL_TEXT_MAX 65536
/* bytes of a numeric: about 2,000 digits */
#define EHDS_TOTAL_NUMERIC_MAX 1024

#define EHDS_TOTAL(name)                    \
	PG_FUNCTION_INFO_V1(ehds_total_##name); \
	Datum ehds_total_##name(PG_FUNCTION_ARGS)

/* the built-in, with the arguments that were checked */
#define EHDS_NATIVE(name) return name(fcinfo)

#endif /* EHDS_TOTAL_H */
