/*
 * measure.h
 *		What is known of a subject in a group besides that he is there: numbers of rows and sums.
 *
 * A value is mapped to a number of steps: divided by the step, rounded to the
 * nearest whole number, and clamped to low..high. NULL and NaN are no value, the
 * infinities are clamped. All that follows is integers.
 *
 * Of each row a measure adds some words, saturating, to those of its subject and
 * group; the words give statistics of that subject, each clamped to its bound, and
 * those are added over subjects.
 *
 *	kind		words			statistics
 *	rows		n				min(n, r)
 *	sum			sum of x		it, clamped to r min(low, 0) .. r max(high, 0)
 *	mean		n, sum of d		w n, w times the sum of d
 *	spread		as mean, and the sum of d^2, times w
 *	values		value_set.h		the weights of its values, together at most 1
 *	distinct	value_set.h		its values, at most r
 *	bins		value_set.h		1 for each of its values, at most r
 *
 * Dates are taken as days and timestamps as microseconds, both since 2000-01-01, as
 * they are stored; their infinities are the least and the largest of such numbers.
 *
 * d = 2 x - (low + high), in halves of a step. w = min(1, r / n), rounded towards
 * zero to a multiple of 2^-20. The statistics of mean and spread are in units of
 * 2^-20 rows, 2^-f half steps and 2^-f' squared half steps, f and f' being given
 * by ehds_measure_shift().
 */
#ifndef EHDS_DP_MEASURE_H
#define EHDS_DP_MEASURE_H

#include "core/compat.h"

#include "utils/numeric.h"

typedef enum MeasureKind
{
	MEASURE_ROWS = 1,
	MEASURE_SUM,
	MEASURE_MEAN,
	MEASURE_SPREAD,
	MEASURE_VALUES,
	MEASURE_DISTINCT,
	MEASURE_BINS
} MeasureKind;

#define EHDS_MEASURE_WEIGHT_BITS 20
#define EHDS_MEASURE_STATISTICS_MAX 3

/* Ranges */
#define EHDS_MEASURE_ROWS_MAX 10000
#define EHDS_MEASURE_STEPS_MAX (INT64CONST(1) << 40)
#define EHDS_MEASURE_MEAN_WIDTH_MAX (INT64CONST(1) << 32)
#define EHDS_MEASURE_SPREAD_WIDTH_MAX (INT64CONST(1) << 16) /* of values too */
#define EHDS_BINS_MAX 10000

typedef struct Measure
{
	int32 kind;
	int32 max_rows; /* r */
	int64 low;      /* in steps */
	int64 high;
	int64 num; /* the step is num / den */
	int64 den;
} Measure;

/* How the values of one measure arrive. */
typedef struct MeasureInput
{
	Oid type;
	int16 length; /* distinct values: typlen */
	bool by_value;
	double per_unit; /* steps in 1 */
	Numeric den;     /* NULL: 1 */
	Numeric num;
	Numeric low;
	Numeric high;
	Numeric least; /* values below and above are clamped before they are divided, which could overflow */
	Numeric most;
} MeasureInput;

/* 22023 unless all parts are in their ranges. */
extern void ehds_measure_check(const Measure *m);

/* "rows r", "distinct r" or "sum r low high num den"; the other kinds as sum ("bins r 0 last 1 1"). Several are separated by "; ". */
extern char *ehds_measure_text(const Measure *m);
extern int ehds_measures_of_text(const char *text, Measure *measures, int max);

extern int ehds_measure_words(const Measure *m);
extern int ehds_measure_n_statistics(const Measure *m);
extern int ehds_measure_shift(const Measure *m, int statistic);

/* What one subject may add to a statistic of one group, at most, in absolute value; of bins to each of at most r. */
extern int64 ehds_measure_sensitivity(const Measure *m, int statistic);

/* boolean for rows, any type that a group key may have for distinct values, else integer, bigint, double precision, numeric, date or timestamp; else 42804 */
extern void ehds_measure_input(const Measure *m, Oid type, MeasureInput *input);
/* The words of a row; digest: of its subject and group. */
extern void ehds_measure_row(const Measure *m, const MeasureInput *input, Datum value, bool isnull,
							 uint64 digest, int64 *words);
/* Add the words of other rows of the subject and group to sums. */
extern void ehds_measure_unite(const Measure *m, int64 *sums, const int64 *words);

/* Not of values, which have no sum. */
extern void ehds_measure_statistics(const Measure *m, const int64 *words, int64 *statistics);

static inline int64
ehds_add_saturating(int64 a, int64 b)
{
	int64 sum;

	if (unlikely(__builtin_add_overflow(a, b, &sum)))
		return a < 0 ? PG_INT64_MIN : PG_INT64_MAX;
	return sum;
}

#endif /* EHDS_DP_MEASURE_H */
