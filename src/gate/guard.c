/*
 * guard.c
 *		The functions that permit views and extracts call.
 */
#include "core/compat.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/approval.h"
#include "core/errors.h"
#include "gate/gate.h"

PG_FUNCTION_INFO_V1(ehds_guard);
PG_FUNCTION_INFO_V1(ehds_extract_guard);

/*
 * guard(permit text, stored regclass, declared text, approval): the condition of
 * a permit view. True in an execution that the gate has approved, an error
 * otherwise; never false. After a load has swapped tables the view still reads
 * the table that it was made on, so that table must still bear the declared name.
 */
Datum
ehds_guard(PG_FUNCTION_ARGS)
{
	char *permit = PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0));
	Oid stored = PG_ARGISNULL(1) ? InvalidOid : PG_GETARG_OID(1);
	char *declared = PG_ARGISNULL(2) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(2));
	EhdsExecution *ex = NULL;
	char *name;

	if (!PG_ARGISNULL(3))
		ex = ehds_execution_find((uint64) PG_GETARG_INT64(3));
	if (ex == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_NOT_APPROVED),
				 errmsg("the views of permit \"%s\" are read only by a query that the gate of pg_ehds has approved",
						permit),
				 errhint(
					 "Query the view directly, not through a function that hides it. If you did, ask the administrator to add pg_ehds to shared_preload_libraries.")));
	if (strcmp(ex->permit, permit) != 0)
		ereport(ERROR, (errcode(ERRCODE_EHDS_NOT_APPROVED),
						errmsg("a query approved for permit \"%s\" reached a view of permit \"%s\"",
							   ex->permit, permit)));

	name = get_rel_name(stored);
	if (name != NULL)
		name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(stored)), name);
	if (name == NULL || strcmp(name, declared) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_DECLARATION),
				 errmsg("table %s was replaced after permit \"%s\" was compiled", declared, permit),
				 errhint("The administrator runs ehds.after_load() after each load that swaps tables.")));
	PG_RETURN_BOOL(true);
}

/*
 * extract_guard(permit text): the row-level security policy of an extract.
 */
Datum
ehds_extract_guard(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	EhdsPermit *p = ehds_read_permit(name);

	if (p == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("permit \"%s\" does not exist", name)));
	if (!ehds_hooks_installed)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_NOT_APPROVED),
				 errmsg("the extract of permit \"%s\" is not read while accesses cannot be recorded", name),
				 errhint("The administrator adds pg_ehds to shared_preload_libraries.")));
	ehds_require_in_force(p, GetUserId());
	PG_RETURN_BOOL(true);
}
