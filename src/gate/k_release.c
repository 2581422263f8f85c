/*
 * k_release.c
 *		The query that computes a release under k-anonymity.
 *
 * Its core is the analyst's grouping with protected aggregates ("cells").  What
 * becomes of the cells with fewer than k persons is the setting ehds.suppressed:
 *
 *	omit			HAVING show_cell(k_cell(subject, k)): they stay inside;
 *	null, negative	a query around the cells replaces their figures;
 *	other			the cells go to a WITH query that marks those to be folded, from
 *					which a UNION ALL takes the others as they are, and one row
 *					that is aggregated again from the input of the marked ones: what
 *					persons of several cells make together no sum of figures gives.
 */
#include "core/compat.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_agg.h"

#include "core/errors.h"
#include "gate/border.h"
#include "kanon/settings.h"

/* Cells in rows of their own, small ones without their figures. */
static Query *
without_figures(Border *b, int depth, EhdsSuppressed mode)
{
	Query *inner = ehds_cells_query(b, depth);
	Query *q;
	int n = 0;
	ListCell *lc;

	ehds_add_target(inner, ehds_cell_is_shown(b), "shown");
	ehds_move_query(b->gate, inner, depth, 2, depth > 0);
	q = ehds_reader(inner);
	while (n++ < list_length(b->keys))
		ehds_add_target(q, ehds_column(inner->targetList, 1, n), ehds_output_name(b, n - 1));
	foreach(lc, b->released)
	{
		Released *r = lfirst(lc);
		Node *value = ehds_column(inner->targetList, 1, n);

		ehds_add_target(q,
						r->figure
							? ehds_if_else(ehds_column(inner->targetList, 1, list_length(inner->targetList)),
										   value, ehds_hidden_value(b, r, mode))
							: value,
						ehds_output_name(b, n - 1));
		n++;
	}
	return q;
}

/* ---- other: cells that are folded into one row ---- */

/* The keys as one text, equal if and only if the keys are: their types show what they are. */
static Node *
keys_as_text(List *keys)
{
	CoerceViaIO *text = (CoerceViaIO *) ehds_parse_expression(
		"SELECT ROW(NULL::pg_catalog.text)::pg_catalog.text COLLATE pg_catalog.\"C\"");
	RowExpr *row;

	if (IsA(text, CollateExpr))
		row = castNode(RowExpr, castNode(CoerceViaIO, ((CollateExpr *) text)->arg)->arg);
	else
		row = castNode(RowExpr, text->arg);
	row->args = keys;
	row->colnames = NIL;
	for (int i = 1; i <= list_length(keys); i++)
		row->colnames = lappend(row->colnames, makeString(psprintf("f%d", i)));
	return (Node *) text;
}

/* Cells, whether each has a row of its own, and its keys as text. */
static Query *
marked_cells(Border *b, int depth)
{
	Query *inner = ehds_cells_query(b, depth);
	Query *template;
	Query *q;
	WindowFunc *apart;
	List *keys = NIL;
	int n = 0;

	ehds_add_target(inner, (Node *) ehds_of_subjects(b, "k_cell"), "cell");
	ehds_add_target(inner, (Node *) ehds_of_subjects(b, "k_size"), "size");
	ehds_move_query(b->gate, inner, depth, 3, depth > 0);

	q = ehds_reader(inner);
	for (; n < list_length(b->outputs); n++)
	{
		ehds_add_target(q, ehds_column(inner->targetList, 1, n + 1), ehds_output_name(b, n));
		if (n < list_length(b->keys))
			keys = lappend(keys, ehds_column(inner->targetList, 1, n + 1));
	}
	template = ehds_parse_template(
		"SELECT ehds.stands_apart(NULL::ehds.k_state, NULL::pg_catalog.int8, NULL::ehds.approval) OVER ()");
	apart = (WindowFunc *) linitial_node(TargetEntry, template->targetList)->expr;
	apart->args = list_make3(ehds_column(inner->targetList, 1, n + 1),
							 ehds_column(inner->targetList, 1, n + 2), ehds_approval_const(b->gate->approval));
	q->windowClause = template->windowClause;
	q->hasWindowFuncs = true;
	ehds_add_target(q, (Node *) apart, "apart");
	ehds_add_target(q, keys_as_text(keys), "keys");
	return q;
}

static RangeTblEntry *
read_cells(CommonTableExpr *cte, int levelsup)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);

	rte->rtekind = RTE_CTE;
	rte->ctename = pstrdup(cte->ctename);
	rte->ctelevelsup = levelsup;
	rte->coltypes = copyObject(cte->ctecoltypes);
	rte->coltypmods = copyObject(cte->ctecoltypmods);
	rte->colcollations = copyObject(cte->ctecolcollations);
	rte->eref = makeAlias(cte->ctename, copyObject(cte->ctecolnames));
	rte->inFromCl = true;
	cte->cterefcount++;
	return rte;
}

/* The cells that are shown as they are. */
static Query *
apart_query(Border *b, CommonTableExpr *cte, List *columns)
{
	Query *q = makeNode(Query);
	RangeTblRef *ref = makeNode(RangeTblRef);
	int n = list_length(b->outputs);

	ref->rtindex = 1;
	q->commandType = CMD_SELECT;
	q->canSetTag = true;
	q->rtable = list_make1(read_cells(cte, 1));
	q->jointree = makeFromExpr(list_make1(ref), ehds_column(columns, 1, n + 1));
	for (int i = 1; i <= n; i++)
		ehds_add_target(q, ehds_column(columns, 1, i), ehds_output_name(b, i - 1));
	return q;
}

/* keys = ANY (SELECT keys FROM cells WHERE NOT apart) */
static Node *
in_a_folded_cell(Border *b, CommonTableExpr *cte, List *columns)
{
	Query *template = ehds_parse_template(
		"SELECT NULL::pg_catalog.text COLLATE pg_catalog.\"C\" OPERATOR(pg_catalog.=) ANY (SELECT NULL::pg_catalog.text)");
	SubLink *link = castNode(SubLink, linitial_node(TargetEntry, template->targetList)->expr);
	OpExpr *equals = castNode(OpExpr, link->testexpr);
	int n = list_length(b->outputs);
	RangeTblRef *ref = makeNode(RangeTblRef);
	Query *q = makeNode(Query);
	List *keys = NIL;
	ListCell *lc;

	foreach(lc, b->keys)
		keys = lappend(keys, ehds_canonical_key(((TargetEntry *) lfirst(lc))->expr));
	linitial(equals->args) = keys_as_text(keys);

	ref->rtindex = 1;
	q->commandType = CMD_SELECT;
	q->canSetTag = true;
	q->rtable = list_make1(read_cells(cte, 2));
	q->jointree = makeFromExpr(list_make1(ref),
							   (Node *) makeBoolExpr(NOT_EXPR, list_make1(ehds_column(columns, 1, n + 1)), -1));
	ehds_add_target(q, ehds_column(columns, 1, n + 2), "keys");
	link->subselect = (Node *) q;
	return (Node *) link;
}

/* Is a group key made of this column? */
static bool
keys_mention(Border *b, Node *column)
{
	ListCell *lc;

	foreach(lc, b->keys)
		if (ehds_mentions_column(b, (Node *) ((TargetEntry *) lfirst(lc))->expr, column))
			return true;
	return false;
}

/* One row of the persons of all folded cells; a threshold of its own, whatever the marks say. */
static Query *
folded_query(Border *b, int depth, Query *q, CommonTableExpr *cte, List *columns)
{
	ListCell *lc;

	foreach(lc, b->keys)
	{
		Node *key = (Node *) ((TargetEntry *) lfirst(lc))->expr;

		ehds_add_target(q, (Node *) makeNullConst(exprType(key), exprTypmod(key), exprCollation(key)),
						ehds_output_name(b, list_length(q->targetList)));
	}
	foreach(lc, b->released)
	{
		Released *r = lfirst(lc);
		Node *value = copyObject(r->value);

		/* GROUPING: all of its keys are aggregated away in this row */
		if (IsA(value, GroupingFunc))
			value = (Node *)
				makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
						  Int32GetDatum(
							  (int32) ((UINT64CONST(1) << list_length(((GroupingFunc *) value)->args)) - 1)),
						  false, true);
		/* persons of two keys and the sum of these keys are two equations */
		if (keys_mention(b, r->column))
			value = (Node *) makeNullConst(exprType(value), -1, exprCollation(value));
		ehds_add_target(q, value, ehds_output_name(b, list_length(q->targetList)));
	}
	q->havingQual = (Node *) ehds_of_subjects(b, "k_met");
	q->hasAggs = true;
	ehds_move_query(b->gate, q, depth, 2, depth > 0);

	q->jointree = makeFromExpr(list_make1(q->jointree), in_a_folded_cell(b, cte, columns));
	q->hasSubLinks = true;
	return q;
}

static Query *
with_other_row(Border *b, int depth)
{
	/* the input again, before the moves change what it shares with the other copy */
	Query *input = copyObject(ehds_below(b->query, depth));
	Query *marked = marked_cells(b, depth);
	CommonTableExpr *cte = ehds_make_cte(EHDS_CELLS_NAME, marked);
	SetOperationStmt *both = makeNode(SetOperationStmt);
	Query *arms[2];
	Query *q = makeNode(Query);
	ListCell *lc;

	cte->cterefcount = 0;
	arms[0] = apart_query(b, cte, marked->targetList);
	arms[1] = folded_query(b, depth, input, cte, marked->targetList);

	q->commandType = CMD_SELECT;
	q->canSetTag = true;
	q->cteList = list_make1(cte);
	q->jointree = makeFromExpr(NIL, NULL);
	both->op = SETOP_UNION;
	both->all = true;
	for (int i = 0; i < 2; i++)
	{
		RangeTblRef *ref = makeNode(RangeTblRef);
		RangeTblEntry *rte = linitial(ehds_reader(arms[i])->rtable);

		rte->inFromCl = false;
		q->rtable = lappend(q->rtable, rte);
		ref->rtindex = i + 1;
		if (i == 0)
			both->larg = (Node *) ref;
		else
			both->rarg = (Node *) ref;
	}
	foreach(lc, arms[0]->targetList)
	{
		TargetEntry *tle = lfirst(lc);

		both->colTypes = lappend_oid(both->colTypes, exprType((Node *) tle->expr));
		both->colTypmods = lappend_int(both->colTypmods, exprTypmod((Node *) tle->expr));
		both->colCollations = lappend_oid(both->colCollations, exprCollation((Node *) tle->expr));
		ehds_add_target(q, ehds_column(arms[0]->targetList, 1, tle->resno), pstrdup(tle->resname));
	}
	q->setOperations = (Node *) both;
	return q;
}

Query *
ehds_k_release(Border *b, int depth)
{
	EhdsSuppressed mode = ehds_suppressed_effective();
	bool has_figures = false;
	Query *q;
	ListCell *lc;

	ehds_require_alone(b);
	ehds_require_one_way(b);
	ehds_complete_filters(b);
	foreach(lc, b->released)
		has_figures = has_figures || ((Released *) lfirst(lc))->figure;
	b->gate->k = Max(b->gate->k, b->k);
	/* a noisy number is shown or not by itself; what is not, leaves no trace */
	if (b->gate->permit->cell_key)
		mode = EHDS_SUPPRESSED_OMIT;

	/* keys alone say that somebody is there, and a row of others has no place among totals */
	if (!has_figures || (b->query->groupingSets != NIL && mode == EHDS_SUPPRESSED_OTHER))
		mode = EHDS_SUPPRESSED_OMIT;

	if (list_length(expand_grouping_sets(b->query->groupingSets, true, -1)) > 1)
	{
		if (b->chosen_conditions)
			EHDS_REFUSE(b->gate->query_string, NULL,
						errmsg(
							"conditions inside aggregates are not supported beside GROUPING SETS, ROLLUP and CUBE under a statistics permit"),
						errdetail("What is hidden in a cell could be seen in a total under its condition."),
						errhint(
							"Add the condition to the group keys in place of FILTER, count(column) or CASE."));
		foreach(lc, b->released)
		{
			if (keys_mention(b, ((Released *) lfirst(lc))->column))
				EHDS_REFUSE(b->gate->query_string, NULL,
							errmsg(
								"sums and averages of a column that is a group key are not supported beside GROUPING SETS, ROLLUP and CUBE under a statistics permit"),
							errdetail("Hidden numbers could be computed from the keys and the sum of all."),
							errhint("Ask for them in a query of its own, without totals."));
		}
		return ehds_with_totals(b, depth, mode);
	}
	if (mode == EHDS_SUPPRESSED_NULL || mode == EHDS_SUPPRESSED_NEGATIVE)
		return without_figures(b, depth, mode);
	if (mode == EHDS_SUPPRESSED_OTHER && b->keys != NIL)
	{
		/* 15 persons in 15 cells are one in each */
		b->gate->margins = true;
		return with_other_row(b, depth);
	}
	q = ehds_cells_query(b, depth);
	q->havingQual = b->gate->permit->cell_key ? ehds_cell_key_having(b) : ehds_cell_is_shown(b);
	ehds_move_query(b->gate, q, depth, 1, depth > 0);
	return q;
}
