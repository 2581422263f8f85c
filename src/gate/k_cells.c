/*
 * k_cells.c
 *		What releases under k-anonymity are built from: the cells, and queries around
 *		them.
 *
 * The queries are built from nodes rather than parsed, so that no type of a key
 * has to be looked up by a name that the analyst may not use.
 */
#include "core/compat.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"

#include "gate/border.h"

static Oid
subject_type(Border *b)
{
	return ehds_subject_argument_type(((Var *) linitial(b->subjects))->vartype);
}

/* An aggregate of ours over the subject. */
Aggref *
ehds_of_subjects(Border *b, const char *name)
{
	Aggref *agg = (Aggref *) ehds_parse_expression(
		psprintf("SELECT ehds.%s(NULL::%s, %d)", name, ehds_type_name(subject_type(b)), b->k));

	ehds_set_argument(agg, 0, ehds_as_type((Node *) copyObject(linitial(b->subjects)), subject_type(b)));
	return agg;
}

Node *
ehds_cell_is_shown(Border *b)
{
	FuncExpr *show = (FuncExpr *) ehds_parse_expression(
		"SELECT ehds.show_cell(NULL::ehds.k_state, NULL::ehds.approval)");

	show->args = list_make2(ehds_of_subjects(b, "k_cell"), ehds_approval_const(b->gate->approval));
	return (Node *) show;
}

void
ehds_add_target(Query *q, Node *expr, char *name)
{
	q->targetList = lappend(q->targetList,
							makeTargetEntry((Expr *) expr, list_length(q->targetList) + 1, name, false));
}

char *
ehds_output_name(Border *b, int n)
{
	return n < list_length(b->keys) ? psprintf("key_%d", n + 1)
									: psprintf("value_%d", n + 1 - list_length(b->keys));
}

/* Keys and figures of each group of the analyst's input. */
Query *
ehds_cells_query(Border *b, int depth)
{
	Query *q = ehds_below(b->query, depth);
	ListCell *lc;

	foreach(lc, b->keys)
	{
		TargetEntry *key = lfirst(lc);

		ehds_add_target(q, (Node *) ehds_canonical_key(key->expr),
						ehds_output_name(b, list_length(q->targetList)));
		((TargetEntry *) llast(q->targetList))->ressortgroupref = key->ressortgroupref;
	}
	foreach(lc, b->released)
		ehds_add_target(q, ((Released *) lfirst(lc))->value, ehds_output_name(b, list_length(q->targetList)));
	q->groupClause = copyObject(b->query->groupClause);
	q->groupingSets = copyObject(b->query->groupingSets);
	q->groupDistinct = b->query->groupDistinct;
	/* the order in which a hash table gives its groups tells of those that are hidden */
	q->sortClause = copyObject(b->query->groupClause);
	q->hasAggs = true;
	return q;
}

/* A query that reads another one, with no column yet. */
Query *
ehds_reader(Query *inner)
{
	Query *q = makeNode(Query);
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblRef *ref = makeNode(RangeTblRef);
	ListCell *lc;

	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = inner;
	rte->alias = makeAlias(EHDS_CELLS_NAME, NIL);
	rte->eref = makeAlias(EHDS_CELLS_NAME, NIL);
	rte->inFromCl = true;
	foreach(lc, inner->targetList)
		rte->eref->colnames = lappend(rte->eref->colnames,
									  makeString(pstrdup(((TargetEntry *) lfirst(lc))->resname)));
	ref->rtindex = 1;
	q->commandType = CMD_SELECT;
	q->canSetTag = true;
	q->rtable = list_make1(rte);
	q->jointree = makeFromExpr(list_make1(ref), NULL);
	return q;
}

/* Column n (from 1) of what a list of columns gives, as entry varno of the query around it. */
Node *
ehds_column(List *columns, int varno, int n)
{
	Node *expr = (Node *) get_tle_by_resno(columns, n)->expr;

	return (Node *) makeVar(varno, n, exprType(expr), exprTypmod(expr), exprCollation(expr), 0);
}

/* What stands for a figure that is not shown. */
Node *
ehds_hidden_value(Border *b, Released *released, EhdsSuppressed mode)
{
	Node *value = released->value;

	if (mode == EHDS_SUPPRESSED_NEGATIVE && released->count && exprType(value) == INT8OID)
		return (Node *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(-(int64) b->k), false,
								  true);
	return (Node *) makeNullConst(exprType(value), exprTypmod(value), exprCollation(value));
}

Node *
ehds_if_else(Node *condition, Node *result, Node *otherwise)
{
	CaseExpr *c = makeNode(CaseExpr);
	CaseWhen *when = makeNode(CaseWhen);

	when->expr = (Expr *) condition;
	when->result = (Expr *) result;
	when->location = -1;
	c->casetype = exprType(result);
	c->casecollid = exprCollation(result);
	c->args = list_make1(when);
	c->defresult = (Expr *) otherwise;
	c->location = -1;
	return (Node *) c;
}
