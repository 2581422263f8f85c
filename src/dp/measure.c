/*
 * measure.c
 *		What is known of a subject in a group: see measure.h.
 *
 * Privacy rests on one thing: a statistic is a function of one subject's rows and
 * of constants, and lies within its sensitivity. So every statistic is clamped
 * here, last, whatever its words are.
 */
#include "dp/measure.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "common/hashfn.h"
#include "dp/value_set.h"

#ifndef HAVE_INT128
#error "pg_ehds needs a compiler with 128-bit integers"
#endif

/* bits that the largest statistic of a mean is given, if its steps are few */
#define FINE_BITS 24

static void
out_of_range(const char *what)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("%s of a private aggregate is out of range", what)));
}

static bool
has_range(const Measure *m)
{
	return m->kind != MEASURE_ROWS && m->kind != MEASURE_DISTINCT;
}

static int64
width_max(const Measure *m)
{
	if (m->kind == MEASURE_SPREAD || m->kind == MEASURE_VALUES || m->kind == MEASURE_BINS)
		return EHDS_MEASURE_SPREAD_WIDTH_MAX;
	return m->kind == MEASURE_MEAN ? EHDS_MEASURE_MEAN_WIDTH_MAX : 2 * EHDS_MEASURE_STEPS_MAX;
}

void
ehds_measure_check(const Measure *m)
{
	if (m->kind < MEASURE_ROWS || m->kind > MEASURE_BINS)
		out_of_range("the kind");
	if (m->max_rows < 1 || m->max_rows > EHDS_MEASURE_ROWS_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_rows must be between 1 and %d", EHDS_MEASURE_ROWS_MAX)));
	if (m->kind >= MEASURE_VALUES && m->max_rows > EHDS_VALUE_SET_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("most values of a person must be between 1 and %d", EHDS_VALUE_SET_MAX)));
	if (!has_range(m))
		return;
	if (m->low < -EHDS_MEASURE_STEPS_MAX || m->high > EHDS_MEASURE_STEPS_MAX || m->low >= m->high ||
		m->high - m->low > width_max(m))
		out_of_range("the range");
	if (m->num < 1 || m->den < 1)
		out_of_range("the step");
}

/* Text ---------------------------------------------------------------------------- */

static const char *const kind_names[] = {NULL, "rows", "sum", "mean", "spread", "values", "distinct", "bins"};

char *
ehds_measure_text(const Measure *m)
{
	if (!has_range(m))
		return psprintf("%s %d", kind_names[m->kind], m->max_rows);
	return psprintf("%s %d " INT64_FORMAT " " INT64_FORMAT " " INT64_FORMAT " " INT64_FORMAT,
					kind_names[m->kind], m->max_rows, m->low, m->high, m->num, m->den);
}

static int64
read_int(const char **p)
{
	char *end;
	int64 value;

	errno = 0;
	value = strtoll(*p, &end, 10);
	if (end == *p || errno != 0)
		out_of_range("the text of a measure");
	*p = end;
	return value;
}

int
ehds_measures_of_text(const char *text, Measure *measures, int max)
{
	const char *p = text;
	int n = 0;

	while (*p != '\0')
	{
		Measure *m = &measures[n];
		size_t length = strcspn(p, " ");
		int64 max_rows;

		if (n == max)
			out_of_range("the number of measures");
		memset(m, 0, sizeof(Measure));
		for (int kind = MEASURE_ROWS; kind <= MEASURE_BINS; kind++)
			if (strlen(kind_names[kind]) == length && strncmp(p, kind_names[kind], length) == 0)
				m->kind = kind;
		p += length;
		max_rows = read_int(&p);
		m->max_rows = (max_rows < 1 || max_rows > EHDS_MEASURE_ROWS_MAX) ? 0 : (int32) max_rows;
		if (has_range(m))
		{
			m->low = read_int(&p);
			m->high = read_int(&p);
			m->num = read_int(&p);
			m->den = read_int(&p);
		}
		ehds_measure_check(m);
		n++;
		if (strncmp(p, "; ", 2) == 0)
			p += 2;
		else if (*p != '\0')
			out_of_range("the text of a measure");
	}
	return n;
}

/* Sizes --------------------------------------------------------------------------- */

int
ehds_measure_words(const Measure *m)
{
	if (m->kind >= MEASURE_VALUES)
		return 2 * m->max_rows;
	return m->kind == MEASURE_SPREAD ? 3 : m->kind == MEASURE_MEAN ? 2 : 1;
}

int
ehds_measure_n_statistics(const Measure *m)
{
	return m->kind >= MEASURE_VALUES ? 1 : ehds_measure_words(m);
}

/* Largest value of a statistic before it is made finer. */
static int64
coarse_bound(const Measure *m, int statistic)
{
	int64 width = m->high - m->low;

	return m->max_rows * (statistic == 2 ? width * width : width);
}

int
ehds_measure_shift(const Measure *m, int statistic)
{
	int bits;

	if (m->kind < MEASURE_MEAN || m->kind >= MEASURE_VALUES)
		return 0;
	if (statistic == 0)
		return EHDS_MEASURE_WEIGHT_BITS;
	bits = pg_leftmost_one_pos64((uint64) coarse_bound(m, statistic)) + 1;
	return Min(Max(FINE_BITS - bits, 0), EHDS_MEASURE_WEIGHT_BITS);
}

int64
ehds_measure_sensitivity(const Measure *m, int statistic)
{
	if (!has_range(m))
		return m->max_rows;
	if (m->kind >= MEASURE_VALUES)
		return 1;
	if (m->kind == MEASURE_SUM)
		return m->max_rows * Max(-m->low, m->high);
	if (statistic == 0)
		return (int64) m->max_rows << EHDS_MEASURE_WEIGHT_BITS;
	return coarse_bound(m, statistic) << ehds_measure_shift(m, statistic);
}

/* Rows ---------------------------------------------------------------------------- */

static Numeric
numeric_product(int64 a, int64 b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_mul, NumericGetDatum(int64_to_numeric(a)),
											   NumericGetDatum(int64_to_numeric(b))));
}

static inline int
compare(Datum a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, a, NumericGetDatum(b)));
}

void
ehds_measure_input(const Measure *m, Oid type, MeasureInput *input)
{
	bool known = m->kind == MEASURE_ROWS
					 ? type == BOOLOID
					 : type == INT4OID || type == INT8OID || type == FLOAT8OID || type == NUMERICOID ||
						   type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID;

	if (m->kind == MEASURE_DISTINCT)
		known = get_typlen(type) >= -1;
	if (!known)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("a private aggregate does not take values of type %s", format_type_be(type))));
	memset(input, 0, sizeof(MeasureInput));
	input->type = type;
	get_typlenbyval(type, &input->length, &input->by_value);
	if (!has_range(m))
		return;
	input->per_unit = (double) m->den / (double) m->num;
	if (type == NUMERICOID)
	{
		input->num = m->num == 1 ? NULL : int64_to_numeric(m->num);
		input->den = m->den == 1 ? NULL : int64_to_numeric(m->den);
		input->low = int64_to_numeric(m->low);
		input->high = int64_to_numeric(m->high);
		input->least = numeric_product(Min(m->low, 0), m->num);
		input->most = numeric_product(Max(m->high, 0), m->num);
	}
}

static inline int64
clamp(int128 x, int64 low, int64 high)
{
	return x < low ? low : x > high ? high : (int64) x;
}

/* x den / num, halves away from zero */
static int64
steps_of_int(const Measure *m, int64 x)
{
	int128 scaled = (int128) x * m->den;
	int128 half = m->num / 2;

	if (m->num == 1)
		return clamp(scaled, m->low, m->high);
	/* an odd num has no half: (|x| + (num - 1) / 2) / num rounds to the nearest */
	scaled = scaled < 0 ? (scaled - half) / m->num : (scaled + half) / m->num;
	return clamp(scaled, m->low, m->high);
}

static int64
steps_of_double(const Measure *m, const MeasureInput *input, double x)
{
	double steps = x * input->per_unit;

	if (steps >= (double) m->high)
		return m->high;
	if (steps <= (double) m->low)
		return m->low;
	return clamp((int64) rint(steps), m->low, m->high);
}

static int64
steps_of_numeric(const Measure *m, const MeasureInput *input, Numeric x)
{
	Datum steps = NumericGetDatum(x);

	if (compare(steps, input->most) >= 0)
		return m->high;
	if (compare(steps, input->least) <= 0)
		return m->low;
	if (input->den != NULL)
		steps = DirectFunctionCall2(numeric_mul, steps, NumericGetDatum(input->den));
	if (input->num != NULL)
		steps = DirectFunctionCall2(numeric_div, steps, NumericGetDatum(input->num));
	if (compare(steps, input->high) >= 0)
		return m->high;
	if (compare(steps, input->low) <= 0)
		return m->low;
	return clamp(DatumGetInt64(DirectFunctionCall1(numeric_int8, steps)), m->low, m->high);
}

/* Values are the same if their bytes are, as with group keys. */
static uint64
hash_of(const MeasureInput *input, Datum value)
{
	struct varlena *bytes;

	if (input->by_value)
	{
		uint64 word = input->length == 1   ? (uint8) DatumGetChar(value)
					  : input->length == 2 ? DatumGetUInt16(value)
					  : input->length == 4 ? DatumGetUInt32(value)
										   : (uint64) value;

		return hash_bytes_extended((const unsigned char *) &word, sizeof(word), 0);
	}
	if (input->length >= 0)
		return hash_bytes_extended((const unsigned char *) DatumGetPointer(value), input->length, 0);
	bytes = PG_DETOAST_DATUM_PACKED(value);
	return hash_bytes_extended((const unsigned char *) VARDATA_ANY(bytes), (int) VARSIZE_ANY_EXHDR(bytes), 0);
}

void
ehds_measure_row(const Measure *m, const MeasureInput *input, Datum value, bool isnull, uint64 digest,
				 int64 *words)
{
	int n_words = ehds_measure_words(m);
	int64 x;

	if (m->kind == MEASURE_ROWS)
	{
		words[0] = !isnull && DatumGetBool(value);
		return;
	}
	if (m->kind == MEASURE_DISTINCT && !isnull)
	{
		ehds_value_set_hashed(words, m->max_rows, hash_of(input, value), digest);
		return;
	}
	if (!isnull)
		isnull = (input->type == FLOAT8OID && isnan(DatumGetFloat8(value))) ||
				 (input->type == NUMERICOID && numeric_is_nan(DatumGetNumeric(value)));
	if (isnull)
	{
		memset(words, 0, n_words * sizeof(int64));
		return;
	}
	switch (input->type)
	{
		case INT4OID:
			x = steps_of_int(m, DatumGetInt32(value));
			break;
		case INT8OID:
			x = steps_of_int(m, DatumGetInt64(value));
			break;
		case DATEOID:
			x = steps_of_int(m, DatumGetDateADT(value));
			break;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			x = steps_of_int(m, DatumGetTimestamp(value));
			break;
		case FLOAT8OID:
			x = steps_of_double(m, input, DatumGetFloat8(value));
			break;
		default:
			x = steps_of_numeric(m, input, DatumGetNumeric(value));
	}
	if (m->kind == MEASURE_SUM)
	{
		words[0] = x;
		return;
	}
	if (m->kind == MEASURE_VALUES || m->kind == MEASURE_BINS)
	{
		ehds_value_set_one(words, m->max_rows, (uint32) (x - m->low), digest);
		return;
	}
	x = 2 * x - (m->low + m->high);
	words[0] = 1;
	words[1] = x;
	if (m->kind == MEASURE_SPREAD)
		words[2] = x * x;
}

void
ehds_measure_unite(const Measure *m, int64 *sums, const int64 *words)
{
	if (m->kind >= MEASURE_VALUES)
		ehds_value_set_unite(sums, words, m->max_rows);
	else
		for (int i = 0; i < ehds_measure_words(m); i++)
			sums[i] = ehds_add_saturating(sums[i], words[i]);
}

/* Subjects ------------------------------------------------------------------------ */

void
ehds_measure_statistics(const Measure *m, const int64 *words, int64 *statistics)
{
	int64 n = Max(words[0], 0);
	int64 weight;

	if (m->kind == MEASURE_ROWS)
	{
		statistics[0] = Min(n, m->max_rows);
		return;
	}
	if (m->kind == MEASURE_SUM)
	{
		statistics[0] = clamp(words[0], m->max_rows * Min(m->low, 0), m->max_rows * Max(m->high, 0));
		return;
	}
	weight = INT64CONST(1) << EHDS_MEASURE_WEIGHT_BITS;
	if (n > m->max_rows)
		weight = weight * m->max_rows / n;
	statistics[0] = clamp((int128) weight * n, 0, ehds_measure_sensitivity(m, 0));
	for (int i = 1; i < ehds_measure_n_statistics(m); i++)
	{
		int64 bound = ehds_measure_sensitivity(m, i);
		int128 sum = (int128) weight * words[i];

		/* C's division rounds towards zero, so that no magnitude grows */
		sum /= INT64CONST(1) << (EHDS_MEASURE_WEIGHT_BITS - ehds_measure_shift(m, i));
		statistics[i] = n == 0 ? 0 : clamp(sum, i == 2 ? 0 : -bound, bound);
	}
}
