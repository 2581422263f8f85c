/*
 * collations.c
 *		Collations that may compare personal data.
 *
 * A collation is loaded when the first row is compared by it, in each process. What
 * PostgreSQL says then (it was made with another version of its library, its locale
 * is gone) would tell that there was a row, so it is asked beforehand.
 */
#include "core/compat.h"

#include "catalog/pg_collation.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/errors.h"
#include "gate/gate.h"

/* of its library, now; NULL: it has none */
static char *
actual_version(Oid collation)
{
	LOCAL_FCINFO(fcinfo, 1);
	Datum version;

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = ObjectIdGetDatum(collation);
	fcinfo->args[0].isnull = false;
	version = pg_collation_actual_version(fcinfo);
	return fcinfo->isnull ? NULL : TextDatumGetCString(version);
}

static bool
is_current(Oid collation)
{
	HeapTuple tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	bool unversioned;
	Datum version;
	char *recorded;
	char *actual;

	if (!HeapTupleIsValid(tuple))
		return false;
	version = SysCacheGetAttr(COLLOID, tuple, Anum_pg_collation_collversion, &unversioned);
	recorded = unversioned ? NULL : TextDatumGetCString(version);
	ReleaseSysCache(tuple);
	if (recorded == NULL)
		return true;
	actual = actual_version(collation);
	return actual != NULL && strcmp(actual, recorded) == 0;
}

static void
require_current(Oid collation, Node *node, const char *query_string)
{
	/* those of the database were loaded when the session began */
	if (!OidIsValid(collation) || collation == DEFAULT_COLLATION_OID || collation == C_COLLATION_OID)
		return;
	if (!is_current(collation))
		EHDS_REFUSE(query_string, node,
					errmsg("collation \"%s\" was made with another version of its library, it does not compare "
						   "personal data",
						   get_collation_name(collation)),
					errdetail("The warning would tell whether there was a row to compare."),
					errhint("ALTER COLLATION ... REFRESH VERSION, after indexes that use it were rebuilt."));
	/* whose locale is gone it raises now, for a row of ours */
	(void) DirectFunctionCall2Coll(bttextcmp, collation, CStringGetTextDatum("a"), CStringGetTextDatum("b"));
}

void
ehds_require_current_collations(Node *node, const char *query_string)
{
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_Param:
		case T_CollateExpr:
		case T_RelabelType:
			require_current(exprCollation(node), node, query_string);
			break;
		default:
			require_current(exprInputCollation(node), node, query_string);
	}
}
