/*
 * sealed_insert.c
 *		INSERT ... SELECT of rows of persons into a sealed table.
 *
 * The view by which a sealed table is read is a simple one, so the rewriter turns an
 * INSERT on it into one on the stored rows. Nobody has the right to do that: the gate
 * waives it for a query that it has checked.
 */
#include "core/compat.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/errors.h"
#include "core/own_function.h"
#include "gate/gate.h"

static Oid
sealed_target(Query *query)
{
	if (query->resultRelation == 0)
		return InvalidOid;
	return ehds_sealed_view_of_store(rt_fetch(query->resultRelation, query->rtable)->relid);
}

bool
ehds_is_insert_into_sealed(Query *query)
{
	return query->commandType == CMD_INSERT && OidIsValid(sealed_target(query));
}

/* Before the query is typed: it may give rows of persons, which are stored. */
void
ehds_open_sealed_insert(EhdsGate *gate, Query *query)
{
	EhdsPermitView *view = ehds_permit_view(sealed_target(query));
	RangeTblEntry *target = rt_fetch(query->resultRelation, query->rtable);
	const char *name = view ? get_rel_name(view->view) : NULL;
	ListCell *lc;

	if (view == NULL || strcmp(view->permit, gate->permit->permit) != 0)
		ereport(ERROR, (errcode(ERRCODE_EHDS_NOT_IN_FORCE),
						errmsg("the sealed table takes rows of its own permit only, not of permit \"%s\"",
							   gate->permit->permit),
						errhint("Make another sealed table for these rows.")));
	ehds_require_maker(view, "insert into");
	if (view->version != gate->permit->version)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_NOT_APPROVED),
				 errmsg("sealed table \"%s\" is out of date: permit \"%s\", or the keys of its persons, changed after it was made",
						name, view->permit),
				 errhint("Drop it and make it again.")));
	if (query->returningList != NIL)
		EHDS_REFUSE(gate->query_string, linitial(query->returningList),
					errmsg("RETURNING would show the rows of sealed table \"%s\"", name),
					errhint("Leave it out."));
	if (query->onConflict != NULL || query->hasModifyingCTE)
		ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
						errmsg("a sealed table takes rows by INSERT ... SELECT only, without ON CONFLICT and "
							   "without statements in WITH that write"),
						errhint("Write INSERT INTO %s SELECT ...", quote_identifier(name))));
	gate->seal = true;
	gate->seal_store = target->relid;
	/* it stands in the FROM of the view; here it is only written */
	target->inFromCl = false;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rte->rtekind != RTE_RELATION || rte->relid != view->view)
			continue;
		/* a view of the analyst's on top has a CHECK OPTION whose error shows the row, or defaults */
		if (rte->inFromCl || query->withCheckOptions != NIL)
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_REFUSED),
					 errmsg("rows of persons are not inserted through a view on sealed table \"%s\"", name),
					 errhint("Insert into the sealed table itself.")));
		ehds_waive_rights(query, rte);
	}
}

/* After it: what it gives must be persons, in the column that holds them. */
void
ehds_check_sealed_insert(EhdsGate *gate, Query *query)
{
	EhdsPermitView *view = ehds_permit_view(sealed_target(query));
	AttrNumber subject = get_attnum(gate->seal_store, view->subject);

	if (!gate->sealed)
		ehds_refuse_write_to_sealed(query);
	if (bms_membership(gate->seal_subjects) != BMS_SINGLETON || !bms_is_member(subject, gate->seal_subjects))
		ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
						errmsg("column \"%s\" of sealed table \"%s\", and no other one, takes the subject",
							   view->subject, get_rel_name(view->view)),
						errhint("Give the subject column (person_id) of the query in its place.")));
}

/* Whoever could add rows of his choice to a sealed table would choose single persons. */
void
ehds_refuse_write_to_sealed(Query *query)
{
	Oid view;

	if (!ehds_any_sealed() || superuser())
		return;
	view = sealed_target(query);
	if (OidIsValid(view))
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_REFUSED),
				 errmsg("sealed table \"%s\" takes only rows of persons that a query under its permit gives",
						get_rel_name(view)),
				 errhint("Write INSERT INTO ... SELECT from the views of the permit; to change rows, make "
						 "another table with CREATE TABLE ... AS SELECT.")));
}

/* At the start of an execution, before its first row. */
void
ehds_note_sealed_insert(EhdsMarker *marker)
{
	static const Oid types[] = {OIDOID, OIDARRAYOID};
	Oid function = ehds_own_function("extend_sealed", lengthof(types), types);

	if (!OidIsValid(function))
		elog(ERROR, "function ehds.extend_sealed is missing");
	/* whether there was a row must not show in which transactions have a number */
	(void) GetCurrentTransactionId();
	(void) OidFunctionCall2(function, ObjectIdGetDatum(marker->seal_store), ehds_oid_array(marker->views));
}
