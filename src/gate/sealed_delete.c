/*
 * sealed_delete.c
 *		DELETE and TRUNCATE of a sealed table, by who made it.
 *
 * Which rows go is decided by an expression that may see rows of persons, and nothing
 * tells how many went. Who objects has rows that no query reads; they go as well.
 */
#include "core/compat.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"

#include "core/approval.h"
#include "core/errors.h"
#include "core/own_function.h"
#include "gate/gate.h"

bool
ehds_is_delete_from_sealed(Query *query)
{
	return query->commandType == CMD_DELETE && query->resultRelation > 0 &&
		   OidIsValid(ehds_sealed_view_of_store(rt_fetch(query->resultRelation, query->rtable)->relid));
}

typedef struct
{
	Query *query;
	EhdsPermitView *view;
	AttrNumber subject;
} Stored;

static EhdsColumn
classify_stored(Var *var, void *context)
{
	Stored *stored = (Stored *) context;

	if (var->varno != stored->query->resultRelation || var->varattno <= 0)
		return EHDS_COLUMN_OWN;
	if (var->varattno == stored->subject)
		return EHDS_COLUMN_SUBJECT;
	return var->varattno <= stored->view->n_origins &&
				   OidIsValid(stored->view->origins[var->varattno - 1].view)
			   ? EHDS_COLUMN_OF_PERMIT
			   : EHDS_COLUMN_OWN;
}

/* Check the statement and open the stored rows to it; raises if it is refused. */
void
ehds_gate_delete(EhdsGate *gate, Query *query)
{
	RangeTblEntry *target = rt_fetch(query->resultRelation, query->rtable);
	EhdsPermitView *view = ehds_permit_view(ehds_sealed_view_of_store(target->relid));
	Stored stored = {query, view, 0};
	Node *from = list_length(query->jointree->fromlist) == 1 ? linitial(query->jointree->fromlist) : NULL;
	const char *name;
	ListCell *lc;

	if (view == NULL)
		elog(ERROR, "sealed table of %u vanished", target->relid);
	name = get_rel_name(view->view);
	gate->permit = ehds_read_permit(view->permit);
	if (gate->permit == NULL)
		elog(ERROR, "permit \"%s\" vanished", view->permit);
	ehds_require_in_force(gate->permit, GetUserId());
	ehds_require_quiet_session();
	ehds_require_maker(view, "delete from");
	if (query->returningList != NIL || query->cteList != NIL || from == NULL || !IsA(from, RangeTblRef) ||
		((RangeTblRef *) from)->rtindex != query->resultRelation)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_REFUSED),
				 errmsg("DELETE FROM sealed table \"%s\" takes a condition on its own columns only", name),
				 errhint(
					 "Leave out USING, WITH and RETURNING; or make another table with CREATE TABLE ... AS SELECT.")));
	stored.subject = get_attnum(target->relid, view->subject);
	ehds_require_harmless(query->jointree->quals, gate->query_string, classify_stored, &stored);

	/* the conditions by which the view hides rows, its guard among them */
	target->securityQuals = NIL;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rte->rtekind != RTE_RELATION || rte->relid != view->view)
			continue;
		if (rte->inFromCl)
			ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
							errmsg("rows are not deleted through a view on sealed table \"%s\"", name),
							errhint("Delete from the sealed table itself.")));
		ehds_waive_rights(query, rte);
	}
	gate->top = query;
	gate->approval = ehds_approval_new();
	gate->sealed = true;
	gate->seal_store = target->relid;
	gate->seen = list_make2_oid(view->view, target->relid);
}

/*
 * At the start of an execution. A second DELETE waits for the first whether or not
 * they meet in a row.
 */
void
ehds_begin_delete(EhdsMarker *marker)
{
	static const Oid types[] = {OIDOID};
	Oid function = ehds_own_function("hold_sealed", lengthof(types), types);

	if (!OidIsValid(function))
		elog(ERROR, "function ehds.hold_sealed is missing");
	/* a row that somebody else has deleted in the meantime would be an error */
	if (IsolationUsesXactSnapshot())
		ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
						errmsg("rows of sealed tables are deleted in READ COMMITTED transactions only"),
						errhint("SET TRANSACTION ISOLATION LEVEL READ COMMITTED.")));
	(void) GetCurrentTransactionId();
	(void) OidFunctionCall1(function, ObjectIdGetDatum(marker->seal_store));
}

/* TRUNCATE empties the sealed tables that it names. Returns the statement for the rest, NULL if there is none. */
PlannedStmt *
ehds_truncate_sealed_tables(PlannedStmt *pstmt)
{
	static const Oid types[] = {OIDOID};
	TruncateStmt *stmt = castNode(TruncateStmt, pstmt->utilityStmt);
	List *rest = NIL;
	ListCell *lc;

	foreach(lc, stmt->relations)
	{
		EhdsPermitView *view = ehds_permit_view(RangeVarGetRelid(lfirst(lc), NoLock, true));
		Oid function;

		if (view == NULL || !OidIsValid(view->store))
		{
			rest = lappend(rest, lfirst(lc));
			continue;
		}
		PreventCommandIfReadOnly("TRUNCATE TABLE");
		PreventCommandIfParallelMode("TRUNCATE TABLE");
		ehds_require_maker(view, "truncate");
		function = ehds_own_function("empty_sealed", lengthof(types), types);
		if (!OidIsValid(function))
			elog(ERROR, "function ehds.empty_sealed is missing");
		(void) OidFunctionCall1(function, ObjectIdGetDatum(view->store));
		CommandCounterIncrement();
	}
	if (rest == NIL)
		return NULL;
	if (list_length(rest) == list_length(stmt->relations))
		return pstmt;
	pstmt = copyObject(pstmt);
	((TruncateStmt *) pstmt->utilityStmt)->relations = copyObject(rest);
	return pstmt;
}
