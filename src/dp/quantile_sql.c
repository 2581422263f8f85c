/*
 * quantile_sql.c
 *		The SQL face of private quantiles.
 */
#include "dp/quantile.h"

#include "catalog/pg_type.h"
#include "core/approval.h"
#include "core/errors.h"
#include "dp/quantile_tree.h"
#include "dp/value_set.h"
#include "port/pg_bswap.h"
#include "utils/array.h"

PG_FUNCTION_INFO_V1(ehds_dp_release_quantile_sql);
PG_FUNCTION_INFO_V1(ehds_dp_release_quantiles);
PG_FUNCTION_INFO_V1(ehds_dp_release_quantile_tree);
PG_FUNCTION_INFO_V1(ehds_dp_release_quantile_tree_gaussian);

static void
require_charge(FunctionCallInfo fcinfo)
{
	if (!ehds_getarg_execution(fcinfo, 5)->charged)
		ereport(ERROR, (errcode(ERRCODE_EHDS_NOT_APPROVED),
						errmsg("no privacy budget was charged for this release")));
	for (int i = 1; i < 5; i++)
		if (PG_ARGISNULL(i))
			elog(ERROR, "argument of a release is null");
	if (PG_GETARG_INT32(1) < 2)
		elog(ERROR, "width of a quantile is out of range");
}

/* The weights of argument 0; NULL: of nobody. */
static WeightedValue *
read_weights(FunctionCallInfo fcinfo, uint32 *n)
{
	bytea *weights = PG_ARGISNULL(0) ? NULL : PG_GETARG_BYTEA_PP(0);
	const char *from = weights ? VARDATA_ANY(weights) : NULL;
	WeightedValue *values;

	*n = weights ? VARSIZE_ANY_EXHDR(weights) / EHDS_VALUE_ENTRY : 0;
	values = palloc_extended(Max(*n, 1) * sizeof(WeightedValue), MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < *n; i++, from += EHDS_VALUE_ENTRY)
	{
		uint64 weight;

		memcpy(&values[i].value, from, sizeof(uint32));
		memcpy(&weight, from + sizeof(uint32), sizeof(weight));
		values[i].value = pg_ntoh32(values[i].value);
		values[i].weight = (int64) pg_ntoh64(weight);
	}
	return values;
}

static int64 *
read_fractions(FunctionCallInfo fcinfo, int *n)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(2);
	int64 *fractions = (int64 *) ARR_DATA_PTR(array);

	if (ARR_NDIM(array) != 1 || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != INT8OID)
		elog(ERROR, "fractions of a release are no list");
	*n = ARR_DIMS(array)[0];
	if (*n > EHDS_QUANTILES_MAX)
		elog(ERROR, "too many fractions of a release");
	for (int i = 0; i < *n; i++)
		if (fractions[i] < 0 || fractions[i] > EHDS_QUANTILE_ONE ||
			(i > 0 && fractions[i] <= fractions[i - 1]))
			elog(ERROR, "fractions of a release do not ascend");
	return fractions;
}

static int
compare_quantiles(const void *a, const void *b)
{
	uint32 x = *(const uint32 *) a;
	uint32 y = *(const uint32 *) b;

	return (x > y) - (x < y);
}

static Datum
as_array(const uint32 *quantiles, int n)
{
	Datum *values = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		values[i] = Int64GetDatum(quantiles[i]);
	return PointerGetDatum(
		construct_array(values, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/*
 * dp_release_quantile(weights bytea, width integer, fraction bigint, scale_num bigint, scale_den bigint,
 * approval ehds.approval)
 */
Datum
ehds_dp_release_quantile_sql(PG_FUNCTION_ARGS)
{
	WeightedValue *values;
	EhdsBits bits;
	uint32 n;
	uint32 value;

	require_charge(fcinfo);
	values = read_weights(fcinfo, &n);
	ehds_bits_secure(&bits);
	value = ehds_quantile_from(&bits, values, n, (uint32) PG_GETARG_INT32(1), PG_GETARG_INT64(2),
							   (uint64) PG_GETARG_INT64(3), (uint64) PG_GETARG_INT64(4));
	ehds_bits_end(&bits);
	PG_RETURN_INT64(value);
}

/*
 * dp_release_quantiles(weights bytea, width integer, fractions bigint[], scale_num bigint, scale_den bigint,
 * approval ehds.approval)
 */
Datum
ehds_dp_release_quantiles(PG_FUNCTION_ARGS)
{
	WeightedValue *values;
	int64 *fractions;
	uint32 *quantiles;
	EhdsBits bits;
	uint32 n;
	int n_fractions;

	require_charge(fcinfo);
	values = read_weights(fcinfo, &n);
	fractions = read_fractions(fcinfo, &n_fractions);
	quantiles = palloc(n_fractions * sizeof(uint32));
	ehds_bits_secure(&bits);
	for (int i = 0; i < n_fractions; i++)
		quantiles[i] = ehds_quantile_from(&bits, values, n, (uint32) PG_GETARG_INT32(1), fractions[i],
										  (uint64) PG_GETARG_INT64(3), (uint64) PG_GETARG_INT64(4));
	ehds_bits_end(&bits);
	/* a larger fraction has no smaller quantile */
	qsort(quantiles, n_fractions, sizeof(uint32), compare_quantiles);
	return as_array(quantiles, n_fractions);
}

static Datum
release_tree(FunctionCallInfo fcinfo, const EhdsSumNoise *noise)
{
	uint32 n;
	int n_fractions;
	WeightedValue *values = read_weights(fcinfo, &n);
	int64 *fractions = read_fractions(fcinfo, &n_fractions);
	uint32 *quantiles = palloc(n_fractions * sizeof(uint32));
	EhdsBits bits;

	ehds_bits_secure(&bits);
	ehds_quantile_tree_from(&bits, values, n, (uint32) PG_GETARG_INT32(1), fractions, n_fractions, noise,
							quantiles);
	ehds_bits_end(&bits);
	return as_array(quantiles, n_fractions);
}

/*
 * dp_release_quantile_tree(weights bytea, width integer, fractions bigint[], scale_num bigint, scale_den bigint,
 * approval ehds.approval)
 */
Datum
ehds_dp_release_quantile_tree(PG_FUNCTION_ARGS)
{
	EhdsSumNoise noise = {0};

	require_charge(fcinfo);
	noise.scale_num = PG_GETARG_INT64(3);
	noise.scale_den = PG_GETARG_INT64(4);
	return release_tree(fcinfo, &noise);
}

/*
 * dp_release_quantile_tree_gaussian(weights bytea, width integer, fractions bigint[], sigma_digits bigint,
 * sigma_places integer, approval ehds.approval)
 */
Datum
ehds_dp_release_quantile_tree_gaussian(PG_FUNCTION_ARGS)
{
	EhdsSumNoise noise = {0};

	require_charge(fcinfo);
	noise.gaussian = true;
	noise.sigma_digits = (uint64) PG_GETARG_INT64(3);
	noise.sigma_places = PG_GETARG_INT32(4);
	return release_tree(fcinfo, &noise);
}
