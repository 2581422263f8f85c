/*
 * histogram.c
 *		Private histograms, and timestamps that are released.
 *
 * Each bin gets noise of its own, whether persons are in it or not: how many draws
 * there are does not depend on the data.
 */
#include "dp/dp.h"

#include "catalog/pg_type.h"
#include "core/approval.h"
#include "core/errors.h"
#include "dp/measure.h"
#include "dp/mechanism.h"
#include "dp/value_set.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ehds_dp_release_histogram);
PG_FUNCTION_INFO_V1(ehds_dp_release_histogram_gaussian);
PG_FUNCTION_INFO_V1(ehds_dp_timestamp);

/* Numbers of persons, in any order, a bin once or more often. */
static void
add_counts(const bytea *counts, int64 *sums, int32 bins)
{
	Size n = VARSIZE_ANY_EXHDR(counts) / EHDS_VALUE_ENTRY;
	const char *from = VARDATA_ANY(counts);

	for (Size i = 0; i < n; i++, from += EHDS_VALUE_ENTRY)
	{
		uint32 bin;
		uint64 count;

		memcpy(&bin, from, sizeof(bin));
		memcpy(&count, from + sizeof(bin), sizeof(count));
		bin = pg_ntoh32(bin);
		if (bin >= (uint32) bins)
			elog(ERROR, "a value is beyond the bins of a histogram");
		sums[bin] = ehds_add_saturating(sums[bin], (int64) pg_ntoh64(count));
	}
}

static Datum
release(FunctionCallInfo fcinfo, const EhdsSumNoise *noise)
{
	int32 bins = PG_GETARG_INT32(1);
	int64 *sums;
	Datum *values;

	if (bins < 1 || bins > EHDS_BINS_MAX)
		elog(ERROR, "number of bins is out of range");
	sums = palloc0(bins * sizeof(int64));
	values = palloc(bins * sizeof(Datum));
	if (!PG_ARGISNULL(0))
		add_counts(PG_GETARG_BYTEA_PP(0), sums, bins);
	for (int32 i = 0; i < bins; i++)
	{
		CHECK_FOR_INTERRUPTS();
		values[i] = Int64GetDatum(ehds_add_saturating(sums[i], ehds_dp_draw_sum_noise(noise)));
	}
	PG_RETURN_ARRAYTYPE_P(
		construct_array(values, bins, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
require_charge(FunctionCallInfo fcinfo)
{
	if (!ehds_getarg_execution(fcinfo, 4)->charged)
		ereport(ERROR, (errcode(ERRCODE_EHDS_NOT_APPROVED),
						errmsg("no privacy budget was charged for this release")));
	for (int i = 1; i < 4; i++)
		if (PG_ARGISNULL(i))
			elog(ERROR, "argument of a release is null");
}

/* dp_release_histogram(counts bytea, bins integer, scale_num bigint, scale_den bigint, approval ehds.approval) */
Datum
ehds_dp_release_histogram(PG_FUNCTION_ARGS)
{
	EhdsSumNoise noise = {0};

	require_charge(fcinfo);
	noise.scale_num = PG_GETARG_INT64(2);
	noise.scale_den = PG_GETARG_INT64(3);
	return release(fcinfo, &noise);
}

/* dp_release_histogram_gaussian(counts bytea, bins integer, sigma_digits bigint, sigma_places integer, approval ehds.approval) */
Datum
ehds_dp_release_histogram_gaussian(PG_FUNCTION_ARGS)
{
	EhdsSumNoise noise = {0};

	require_charge(fcinfo);
	noise.gaussian = true;
	noise.sigma_digits = (uint64) PG_GETARG_INT64(2);
	noise.sigma_places = PG_GETARG_INT32(3);
	return release(fcinfo, &noise);
}

/* dp_timestamp(microseconds numeric), dp_timestamptz(microseconds numeric) */
Datum
ehds_dp_timestamp(PG_FUNCTION_ARGS)
{
	Timestamp result = DatumGetInt64(DirectFunctionCall1(numeric_int8, PG_GETARG_DATUM(0)));

	if (!IS_VALID_TIMESTAMP(result))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
	PG_RETURN_TIMESTAMP(result);
}
