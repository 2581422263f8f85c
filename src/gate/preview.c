/*
 * preview.c
 *		What a query that asks for rows of persons is told to ask instead.
 *
 * Clients preview tables (SELECT * FROM person LIMIT 11), so this is the first
 * refusal that an analyst meets: the hint is a query on the same table that is
 * answered.
 */
#include "core/compat.h"

#include "catalog/namespace.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"

#include "core/errors.h"
#include "gate/level.h"

typedef struct Preview
{
	EhdsPermitView *view;
	List *columns; /* of the view, TargetEntry */
} Preview;

/* Find the first table of persons that the query names. */
static bool
view_walker(Node *node, void *arg)
{
	Preview *preview = arg;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		preview->view = ehds_permit_view(ehds_view_of_subquery(rte));
		if (preview->view != NULL)
			preview->columns = rte->subquery->targetList;
		return preview->view != NULL;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, view_walker, arg,
								 QTW_EXAMINE_RTES_BEFORE | QTW_IGNORE_JOINALIASES);
	return expression_tree_walker(node, view_walker, arg);
}

/* A column to group by: a code if there is one, else none. */
static const char *
code_column(List *columns)
{
	ListCell *lc;

	foreach(lc, columns)
	{
		TargetEntry *tle = lfirst(lc);
		Oid type = exprType((Node *) tle->expr);
		int length = tle->resname == NULL ? 0 : strlen(tle->resname);

		if (!tle->resjunk && (type == INT4OID || type == TEXTOID || type == VARCHAROID) &&
			((length > 11 && strcmp(tle->resname + length - 11, "_concept_id") == 0) ||
			 (length > 5 && strcmp(tle->resname + length - 5, "_code") == 0)))
			return quote_identifier(tle->resname);
	}
	return NULL;
}

void
ehds_refuse_rows(Level *level)
{
	EhdsPermit *p = level->gate->permit;
	Preview preview = {NULL, NIL};
	const char *table = "person";
	const char *column = NULL;
	const char *count = p->dp ? "ehds.dp_count(person_id)" : "count(DISTINCT person_id)";

	(void) view_walker((Node *) level->query, &preview);
	if (preview.view != NULL)
	{
		Oid schema = get_rel_namespace(preview.view->view);

		table = quote_qualified_identifier(isTempNamespace(schema) ? NULL : get_namespace_name(schema),
										   get_rel_name(preview.view->view));
		column = code_column(preview.columns);
		count = psprintf(p->dp ? "ehds.dp_count(%s)" : "count(DISTINCT %s)",
						 quote_identifier(preview.view->subject));
	}
	ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
					errmsg("rows about persons do not leave permit \"%s\", only statistics do", p->permit),
					column != NULL ? errhint("Count instead, for example: SELECT %s, %s FROM %s GROUP BY 1.",
											 column, count, table)
								   : errhint("Count instead, for example: SELECT %s FROM %s.", count, table)));
}
