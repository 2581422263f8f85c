/*
 * total_trunc.c
 *		date_trunc that gives NULL where the built-in raises: for a unit that is none,
 *		and where the beginning of the unit is before the first timestamp.
 */
#include "core/compat.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "parser/scansup.h"
#include "utils/timestamp.h"

#include "total/total.h"

/* From fine to coarse; a week is between no two of them. */
typedef enum
{
	UNIT_MICROSECOND,
	UNIT_MILLISECOND,
	UNIT_SECOND,
	UNIT_MINUTE,
	UNIT_HOUR,
	UNIT_DAY,
	UNIT_WEEK,
	UNIT_MONTH,
	UNIT_QUARTER,
	UNIT_YEAR,
	UNIT_DECADE,
	UNIT_CENTURY,
	UNIT_MILLENNIUM
} Unit;

static bool
read_unit(text *name, Unit *unit)
{
	char *lower = downcase_truncate_identifier(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), false);
	int type;
	int field;

	type = DecodeUnits(0, lower, &field);
	if (type != UNITS)
		return false;
	switch (field)
	{
		case DTK_MICROSEC:
			*unit = UNIT_MICROSECOND;
			return true;
		case DTK_MILLISEC:
			*unit = UNIT_MILLISECOND;
			return true;
		case DTK_SECOND:
			*unit = UNIT_SECOND;
			return true;
		case DTK_MINUTE:
			*unit = UNIT_MINUTE;
			return true;
		case DTK_HOUR:
			*unit = UNIT_HOUR;
			return true;
		case DTK_DAY:
			*unit = UNIT_DAY;
			return true;
		case DTK_WEEK:
			*unit = UNIT_WEEK;
			return true;
		case DTK_MONTH:
			*unit = UNIT_MONTH;
			return true;
		case DTK_QUARTER:
			*unit = UNIT_QUARTER;
			return true;
		case DTK_YEAR:
			*unit = UNIT_YEAR;
			return true;
		case DTK_DECADE:
			*unit = UNIT_DECADE;
			return true;
		case DTK_CENTURY:
			*unit = UNIT_CENTURY;
			return true;
		case DTK_MILLENNIUM:
			*unit = UNIT_MILLENNIUM;
			return true;
		default:
			return false;
	}
}

static int
floor_to(int value, int step)
{
	int rest = value % step;

	return value - (rest < 0 ? rest + step : rest);
}

/* Years count from 1 BC as 0 here; decades begin with years that 10 divides, centuries a year later. */
static int
first_year(Unit unit, int year)
{
	switch (unit)
	{
		case UNIT_DECADE:
			return floor_to(year, 10);
		case UNIT_CENTURY:
			return floor_to(year - 1, 100) + 1;
		case UNIT_MILLENNIUM:
			return floor_to(year - 1, 1000) + 1;
		default:
			return year;
	}
}

static void
truncate_fields(Unit unit, struct pg_tm *tm, fsec_t *fsec)
{
	if (unit == UNIT_MILLISECOND)
		*fsec -= *fsec % 1000;
	if (unit >= UNIT_SECOND)
		*fsec = 0;
	if (unit >= UNIT_MINUTE)
		tm->tm_sec = 0;
	if (unit >= UNIT_HOUR)
		tm->tm_min = 0;
	if (unit >= UNIT_DAY)
		tm->tm_hour = 0;
	if (unit == UNIT_WEEK)
	{
		int week = date2isoweek(tm->tm_year, tm->tm_mon, tm->tm_mday);

		/* the year of a week is that of its Thursday */
		if (week >= 52 && tm->tm_mon == 1)
			tm->tm_year--;
		if (week <= 1 && tm->tm_mon == MONTHS_PER_YEAR)
			tm->tm_year++;
		isoweek2date(week, &tm->tm_year, &tm->tm_mon, &tm->tm_mday);
		return;
	}
	if (unit >= UNIT_MONTH)
		tm->tm_mday = 1;
	if (unit >= UNIT_QUARTER)
		tm->tm_mon -= (tm->tm_mon - 1) % 3;
	if (unit >= UNIT_YEAR)
		tm->tm_mon = 1;
	tm->tm_year = first_year(unit, tm->tm_year);
}

/* zone: of local time, NULL for timestamps without one */
static bool
truncate_timestamp(text *name, Timestamp value, pg_tz *zone, Timestamp *r)
{
	struct pg_tm tm;
	fsec_t fsec;
	Unit unit;
	int tz = 0;
	int *tzp = zone ? &tz : NULL;

	*r = value;
	if (!read_unit(name, &unit))
		return false;
	if (TIMESTAMP_NOT_FINITE(value))
		return true;
	if (timestamp2tm(value, tzp, &tm, &fsec, NULL, zone) != 0)
		return false;
	truncate_fields(unit, &tm, &fsec);
	/* an hour of a day on which clocks are set stays in its half of the day */
	if (zone && unit >= UNIT_DAY)
		tz = DetermineTimeZoneOffset(&tm, zone);
	return tm2timestamp(&tm, fsec, tzp, r) == 0;
}

EHDS_TOTAL(timestamp_trunc)
{
	Timestamp r;

	if (!truncate_timestamp(PG_GETARG_TEXT_PP(0), PG_GETARG_TIMESTAMP(1), NULL, &r))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMP(r);
}

EHDS_TOTAL(timestamptz_trunc)
{
	TimestampTz r;

	if (!truncate_timestamp(PG_GETARG_TEXT_PP(0), PG_GETARG_TIMESTAMPTZ(1), session_timezone, &r))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(r);
}
