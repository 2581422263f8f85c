/*
 * total_date.c
 *		Arithmetic and casts of dates, timestamps and intervals that give NULL where
 *		the built-ins raise: out of range, differences of infinities.
 */
#include "core/compat.h"

#include "access/detoast.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/int.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/formatting.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "total/total.h"

EHDS_TOTAL(date_pli)
{
	DateADT date = PG_GETARG_DATEADT(0);
	int32 r;

	if (!DATE_NOT_FINITE(date) && (pg_add_s32_overflow(date, PG_GETARG_INT32(1), &r) || !IS_VALID_DATE(r)))
		PG_RETURN_NULL();
	EHDS_NATIVE(date_pli);
}

EHDS_TOTAL(date_mii)
{
	DateADT date = PG_GETARG_DATEADT(0);
	int32 r;

	if (!DATE_NOT_FINITE(date) && (pg_sub_s32_overflow(date, PG_GETARG_INT32(1), &r) || !IS_VALID_DATE(r)))
		PG_RETURN_NULL();
	EHDS_NATIVE(date_mii);
}

EHDS_TOTAL(date_mi)
{
	if (DATE_NOT_FINITE(PG_GETARG_DATEADT(0)) || DATE_NOT_FINITE(PG_GETARG_DATEADT(1)))
		PG_RETURN_NULL();
	EHDS_NATIVE(date_mi);
}

EHDS_TOTAL(date_timestamp)
{
	int overflow = 0;
	Timestamp r = date2timestamp_opt_overflow(PG_GETARG_DATEADT(0), &overflow);

	if (overflow != 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMP(r);
}

EHDS_TOTAL(date_timestamptz)
{
	int overflow = 0;
	TimestampTz r = date2timestamptz_opt_overflow(PG_GETARG_DATEADT(0), &overflow);

	if (overflow != 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(r);
}

EHDS_TOTAL(timestamp_timestamptz)
{
	int overflow = 0;
	TimestampTz r = timestamp2timestamptz_opt_overflow(PG_GETARG_TIMESTAMP(0), &overflow);

	if (overflow != 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(r);
}

/* Near the ends of the range a point in time has no local time. */
static bool
has_local_time(TimestampTz value)
{
	struct pg_tm tm;
	fsec_t fsec;
	int tz = 0;

	return TIMESTAMP_NOT_FINITE(value) || timestamp2tm(value, &tz, &tm, &fsec, NULL, NULL) == 0;
}

#define OF_LOCAL_TIME(name, n)                         \
	EHDS_TOTAL(name)                                   \
	{                                                  \
		if (!has_local_time(PG_GETARG_TIMESTAMPTZ(n))) \
			PG_RETURN_NULL();                          \
		EHDS_NATIVE(name);                             \
	}                                                  \
	extern int ehds_no_semicolon

OF_LOCAL_TIME(timestamptz_date, 0);
OF_LOCAL_TIME(extract_timestamptz, 1);
OF_LOCAL_TIME(timestamptz_part, 1);
OF_LOCAL_TIME(timestamptz_to_char, 0);

EHDS_TOTAL(timestamptz_timestamp)
{
	TimestampTz value = PG_GETARG_TIMESTAMPTZ(0);
	struct pg_tm tm;
	fsec_t fsec;
	int tz = 0;
	Timestamp r = value;

	if (!TIMESTAMP_NOT_FINITE(value) &&
		(timestamp2tm(value, &tz, &tm, &fsec, NULL, NULL) != 0 || tm2timestamp(&tm, fsec, NULL, &r) != 0))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMP(r);
}

EHDS_TOTAL(make_date)
{
	struct pg_tm tm = {0};
	bool bc = false;
	DateADT r;

	tm.tm_year = PG_GETARG_INT32(0);
	tm.tm_mon = PG_GETARG_INT32(1);
	tm.tm_mday = PG_GETARG_INT32(2);
	if (tm.tm_year < 0)
	{
		if (tm.tm_year == PG_INT32_MIN)
			PG_RETURN_NULL();
		bc = true;
		tm.tm_year = -tm.tm_year;
	}
	if (ValidateDate(DTK_DATE_M, false, false, bc, &tm) != 0 ||
		!IS_VALID_JULIAN(tm.tm_year, tm.tm_mon, tm.tm_mday))
		PG_RETURN_NULL();
	r = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
	if (!IS_VALID_DATE(r))
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(r);
}

/*
 * A point in time, shifted: months in the calendar, then days, then the rest.
 * zone: of local time, NULL for timestamps without one. False if it leaves the range.
 */
static bool
shift(Timestamp value, const Interval *span, pg_tz *zone, Timestamp *r)
{
	struct pg_tm tm;
	fsec_t fsec;
	int tz = 0;
	int *tzp = zone ? &tz : NULL;
	int direction = ehds_interval_infinite(span);

	if (direction != 0)
	{
		if (direction > 0 ? TIMESTAMP_IS_NOBEGIN(value) : TIMESTAMP_IS_NOEND(value))
			return false;
		if (direction > 0)
			TIMESTAMP_NOEND(*r);
		else
			TIMESTAMP_NOBEGIN(*r);
		return true;
	}
	*r = value;
	if (TIMESTAMP_NOT_FINITE(value))
		return true;
	if (span->month != 0)
	{
		int64 months;
		int last;

		if (timestamp2tm(*r, tzp, &tm, &fsec, NULL, zone) != 0)
			return false;
		months = (int64) tm.tm_year * MONTHS_PER_YEAR + tm.tm_mon - 1 + span->month;
		tm.tm_year = (int) floor((double) months / MONTHS_PER_YEAR);
		tm.tm_mon = (int) (months - (int64) tm.tm_year * MONTHS_PER_YEAR) + 1;
		last = day_tab[isleap(tm.tm_year)][tm.tm_mon - 1];
		tm.tm_mday = Min(tm.tm_mday, last);
		if (zone)
			tz = DetermineTimeZoneOffset(&tm, zone);
		if (tm2timestamp(&tm, fsec, tzp, r) != 0)
			return false;
	}
	if (span->day != 0)
	{
		int julian;

		if (timestamp2tm(*r, tzp, &tm, &fsec, NULL, zone) != 0 ||
			pg_add_s32_overflow(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday), span->day, &julian) || julian < 0)
			return false;
		j2date(julian, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
		if (zone)
			tz = DetermineTimeZoneOffset(&tm, zone);
		if (tm2timestamp(&tm, fsec, tzp, r) != 0)
			return false;
	}
	return !pg_add_s64_overflow(*r, span->time, r) && IS_VALID_TIMESTAMP(*r);
}

static bool
shift_back(Timestamp value, const Interval *span, pg_tz *zone, Timestamp *r)
{
	Interval back;

	/* the least number of each field has no negative */
	if ((EHDS_INFINITE_INTERVALS || !TIMESTAMP_NOT_FINITE(value)) && ehds_interval_infinite(span) == 0 &&
		(span->month == PG_INT32_MIN || span->day == PG_INT32_MIN || span->time == PG_INT64_MIN))
		return false;
	back.month = ehds_interval_infinite(span) > 0 ? PG_INT32_MIN : -Max(span->month, -PG_INT32_MAX);
	back.day = ehds_interval_infinite(span) > 0 ? PG_INT32_MIN : -Max(span->day, -PG_INT32_MAX);
	back.time = ehds_interval_infinite(span) > 0 ? PG_INT64_MIN : -Max(span->time, -PG_INT64_MAX);
	return shift(value, &back, zone, r);
}

#define SHIFT(name, function, zone)                                               \
	EHDS_TOTAL(name)                                                              \
	{                                                                             \
		Timestamp r;                                                              \
                                                                                  \
		if (!function(PG_GETARG_TIMESTAMP(0), PG_GETARG_INTERVAL_P(1), zone, &r)) \
			PG_RETURN_NULL();                                                     \
		PG_RETURN_TIMESTAMP(r);                                                   \
	}                                                                             \
	extern int ehds_no_semicolon

SHIFT(timestamp_pl_interval, shift, NULL);
SHIFT(timestamp_mi_interval, shift_back, NULL);
SHIFT(timestamptz_pl_interval, shift, session_timezone);
SHIFT(timestamptz_mi_interval, shift_back, session_timezone);

#define SHIFT_DATE(name, function)                                                      \
	EHDS_TOTAL(name)                                                                    \
	{                                                                                   \
		int overflow = 0;                                                               \
		Timestamp value = date2timestamp_opt_overflow(PG_GETARG_DATEADT(0), &overflow); \
		Timestamp r;                                                                    \
                                                                                        \
		if (overflow != 0 || !function(value, PG_GETARG_INTERVAL_P(1), NULL, &r))       \
			PG_RETURN_NULL();                                                           \
		PG_RETURN_TIMESTAMP(r);                                                         \
	}                                                                                   \
	extern int ehds_no_semicolon

SHIFT_DATE(date_pl_interval, shift);
SHIFT_DATE(date_mi_interval, shift_back);

/* The difference of two points in time has a value. */
static bool
have_difference(Timestamp a, Timestamp b)
{
	if (TIMESTAMP_NOT_FINITE(a) || TIMESTAMP_NOT_FINITE(b))
		return EHDS_INFINITE_INTERVALS && a != b;
	return true;
}

EHDS_TOTAL(timestamp_mi)
{
	Timestamp a = PG_GETARG_TIMESTAMP(0);
	Timestamp b = PG_GETARG_TIMESTAMP(1);
	int64 r;

	if (!have_difference(a, b) ||
		(!TIMESTAMP_NOT_FINITE(a) && !TIMESTAMP_NOT_FINITE(b) && pg_sub_s64_overflow(a, b, &r)))
		PG_RETURN_NULL();
	EHDS_NATIVE(timestamp_mi);
}

EHDS_TOTAL(timestamp_age)
{
	if (!have_difference(PG_GETARG_TIMESTAMP(0), PG_GETARG_TIMESTAMP(1)))
		PG_RETURN_NULL();
	EHDS_NATIVE(timestamp_age);
}

EHDS_TOTAL(timestamptz_age)
{
	TimestampTz a = PG_GETARG_TIMESTAMPTZ(0);
	TimestampTz b = PG_GETARG_TIMESTAMPTZ(1);

	if (!have_difference(a, b) || !has_local_time(a) || !has_local_time(b))
		PG_RETURN_NULL();
	EHDS_NATIVE(timestamptz_age);
}

/* The fields of a + b, or of a - b, fit and don't happen to be those of an infinite interval. */
static bool
fields_fit(const Interval *a, const Interval *b, bool plus)
{
	Interval r;
	int sign_a = ehds_interval_infinite(a);
	int sign_b = ehds_interval_infinite(b) * (plus ? 1 : -1);

	if (sign_a != 0 || sign_b != 0)
		return sign_a * sign_b >= 0;
	if (plus ? (pg_add_s32_overflow(a->month, b->month, &r.month) ||
				pg_add_s32_overflow(a->day, b->day, &r.day) || pg_add_s64_overflow(a->time, b->time, &r.time))
			 : (pg_sub_s32_overflow(a->month, b->month, &r.month) ||
				pg_sub_s32_overflow(a->day, b->day, &r.day) || pg_sub_s64_overflow(a->time, b->time, &r.time)))
		return false;
	return ehds_interval_infinite(&r) == 0;
}

EHDS_TOTAL(interval_pl)
{
	if (!fields_fit(PG_GETARG_INTERVAL_P(0), PG_GETARG_INTERVAL_P(1), true))
		PG_RETURN_NULL();
	EHDS_NATIVE(interval_pl);
}

EHDS_TOTAL(interval_mi)
{
	if (!fields_fit(PG_GETARG_INTERVAL_P(0), PG_GETARG_INTERVAL_P(1), false))
		PG_RETURN_NULL();
	EHDS_NATIVE(interval_mi);
}

/* Far from the ends: fractions of a field are carried to the next one. */
static bool
is_moderate_multiple(const Interval *span, double factor)
{
	return !isnan(factor) && !isinf(factor) && ehds_interval_infinite(span) == 0 &&
		   fabs(span->month * factor) < 1e9 && fabs(span->day * factor) < 1e9 &&
		   fabs(span->time * factor) < 4e18;
}

EHDS_TOTAL(interval_mul)
{
	if (!is_moderate_multiple(PG_GETARG_INTERVAL_P(0), PG_GETARG_FLOAT8(1)))
		PG_RETURN_NULL();
	EHDS_NATIVE(interval_mul);
}

EHDS_TOTAL(mul_d_interval)
{
	if (!is_moderate_multiple(PG_GETARG_INTERVAL_P(1), PG_GETARG_FLOAT8(0)))
		PG_RETURN_NULL();
	EHDS_NATIVE(mul_d_interval);
}

EHDS_TOTAL(interval_div)
{
	if (PG_GETARG_FLOAT8(1) == 0 || !is_moderate_multiple(PG_GETARG_INTERVAL_P(0), 1 / PG_GETARG_FLOAT8(1)))
		PG_RETURN_NULL();
	EHDS_NATIVE(interval_div);
}

/* Formats are those that the gate accepts: of dates, without zone. */
EHDS_TOTAL(to_date)
{
	Oid type;
	int32 typmod;
	int tz = 0;
	Datum r;

	if (toast_raw_datum_size(PG_GETARG_DATUM(0)) > EHDS_TOTAL_TEXT_MAX ||
		toast_raw_datum_size(PG_GETARG_DATUM(1)) > EHDS_TOTAL_TEXT_MAX ||
		!ehds_parse_datetime(PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(1), PG_GET_COLLATION(), &type, &typmod,
							 &tz, &r) ||
		type != DATEOID)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(r);
}
