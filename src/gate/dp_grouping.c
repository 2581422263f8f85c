/*
 * dp_grouping.c
 *		GROUPING() above a private release with grouping sets.
 *
 * The release has one column that tells the set, GROUPING() of all keys; others
 * are made of its bits.
 */
#include "core/compat.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"

#include "gate/border.h"

Node *
ehds_dp_grouping_of_all(Border *b)
{
	GroupingFunc *grouping = makeNode(GroupingFunc);
	ListCell *lc;

	foreach(lc, b->keys)
	{
		TargetEntry *key = lfirst(lc);

		grouping->args = lappend(grouping->args, copyObject(key->expr));
		grouping->refs = lappend_int(grouping->refs, key->ressortgroupref);
	}
	grouping->location = -1;
	return (Node *) grouping;
}

/* Puts the column in the place of a NULL. */
static Node *
column_mutator(Node *node, void *column)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Const) && ((Const *) node)->constisnull)
		return (Node *) copyObject((Var *) column);
	return expression_tree_mutator(node, column_mutator, column);
}

Node *
ehds_dp_grouping(Border *b, GroupingFunc *grouping)
{
	int n_keys = list_length(b->keys);
	int n = list_length(grouping->refs);
	StringInfoData sql;
	ListCell *lc;

	/* without sets, no key is ever aggregated away */
	if (b->query->groupingSets == NIL)
		return (Node *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(0), false, true);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT 0::pg_catalog.int4");
	foreach(lc, grouping->refs)
	{
		int key = 0;

		while (((TargetEntry *) list_nth(b->keys, key))->ressortgroupref != lfirst_int(lc))
			key++;
		appendStringInfo(&sql,
						 " OPERATOR(pg_catalog.|) (((NULL::pg_catalog.int4 OPERATOR(pg_catalog.>>) %d) "
						 "OPERATOR(pg_catalog.&) 1) OPERATOR(pg_catalog.<<) %d)",
						 n_keys - 1 - key, n - 1 - foreach_current_index(lc));
	}
	return column_mutator(ehds_parse_expression(sql.data), makeVar(1, n_keys + 1, INT4OID, -1, InvalidOid, 0));
}
