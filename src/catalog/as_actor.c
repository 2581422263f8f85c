/*
 * as_actor.c
 *		A query run with the rights of who acts, from a function that has others.
 *
 * A SECURITY DEFINER function of the extension is given a query by a member of
 * governance. What the query calls must not run as a superuser.
 */
#include "core/compat.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(ehds_rows_as_actor);

#define BATCH 1000

/*
 * rows_as_actor(query text) → setof text: the values of a query's one column, NULLs
 * left out. The query reads only.
 */
Datum
ehds_rows_as_actor(PG_FUNCTION_ARGS)
{
	char *query = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	SPIPlanPtr plan;
	Portal portal;
	Oid user;
	int context;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(GetOuterUserId(), context | SECURITY_LOCAL_USERID_CHANGE);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = SPI_prepare(query, 0, NULL);
	if (plan == NULL || !SPI_is_cursor_plan(plan))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the definition of a cohort must be one SELECT")));
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	if (portal->tupDesc == NULL || portal->tupDesc->natts != 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the definition of a cohort must return one column, the key of the subject")));
	for (;;)
	{
		SPI_cursor_fetch(portal, true, BATCH);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			char *value = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
			Datum datum;
			bool isnull = false;

			if (value == NULL)
				continue;
			datum = CStringGetTextDatum(value);
			tuplestore_putvalues(result->setResult, result->setDesc, &datum, &isnull);
			pfree(DatumGetPointer(datum));
			pfree(value);
		}
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_cursor_close(portal);
	SPI_finish();
	SetUserIdAndSecContext(user, context);
	return (Datum) 0;
}
