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
 *
 * With grouping sets a small cell could be computed from totals and the other
 * cells.  Then keep_cell, over all cells of the release, says what is hidden beside
 * the small ones, and again for each figure that has rules of its own: where it is
 * NULL it must not be computable either.
 *
 * The queries are built from nodes rather than parsed, so that no type of a key
 * has to be looked up by a name that the analyst may not use.
 */
#include "core/compat.h"

#include "catalog/pg_collation.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "parser/parse_clause.h"
#include "parser/parse_coerce.h"
#include "utils/typcache.h"

#include "gate/border.h"
#include "kanon/settings.h"

#define CELLS_NAME "ehds cells"

static Oid
subject_type(Border *b)
{
	return ehds_subject_argument_type(((Var *) linitial(b->subjects))->vartype);
}

/* An aggregate of ours over the subject. */
static Aggref *
of_subjects(Border *b, const char *name)
{
	Aggref *agg = (Aggref *) ehds_parse_expression(
		psprintf("SELECT ehds.%s(NULL::%s, %d)", name, ehds_type_name(subject_type(b)), b->k));

	ehds_set_argument(agg, 0, ehds_as_type((Node *) copyObject(linitial(b->subjects)), subject_type(b)));
	return agg;
}

static Node *
show_cell(Border *b)
{
	FuncExpr *show = (FuncExpr *) ehds_parse_expression(
		"SELECT ehds.show_cell(NULL::ehds.k_state, NULL::ehds.approval)");

	show->args = list_make2(of_subjects(b, "k_cell"), ehds_approval_const(b->gate->approval));
	return (Node *) show;
}

static void
add_target(Query *q, Node *expr, char *name)
{
	q->targetList = lappend(q->targetList,
							makeTargetEntry((Expr *) expr, list_length(q->targetList) + 1, name, false));
}

static char *
output_name(Border *b, int n)
{
	return n < list_length(b->keys) ? psprintf("key_%d", n + 1)
									: psprintf("value_%d", n + 1 - list_length(b->keys));
}

/* Keys and figures of each group of the analyst's input. */
static Query *
cells(Border *b, int depth)
{
	Query *q = ehds_below(b->query, depth);
	ListCell *lc;

	foreach(lc, b->keys)
	{
		TargetEntry *key = lfirst(lc);

		add_target(q, (Node *) ehds_canonical_key(key->expr), output_name(b, list_length(q->targetList)));
		((TargetEntry *) llast(q->targetList))->ressortgroupref = key->ressortgroupref;
	}
	foreach(lc, b->released)
		add_target(q, ((Released *) lfirst(lc))->value, output_name(b, list_length(q->targetList)));
	q->groupClause = copyObject(b->query->groupClause);
	q->groupingSets = copyObject(b->query->groupingSets);
	q->groupDistinct = b->query->groupDistinct;
	/* the order in which a hash table gives its groups tells of those that are hidden */
	q->sortClause = copyObject(b->query->groupClause);
	q->hasAggs = true;
	return q;
}

/* A query that reads another one, with no column yet. */
static Query *
reader(Query *inner)
{
	Query *q = makeNode(Query);
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblRef *ref = makeNode(RangeTblRef);
	ListCell *lc;

	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = inner;
	rte->alias = makeAlias(CELLS_NAME, NIL);
	rte->eref = makeAlias(CELLS_NAME, NIL);
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
static Node *
column(List *columns, int varno, int n)
{
	Node *expr = (Node *) get_tle_by_resno(columns, n)->expr;

	return (Node *) makeVar(varno, n, exprType(expr), exprTypmod(expr), exprCollation(expr), 0);
}

/* What stands for a figure that is not shown. */
static Node *
hidden_value(Border *b, Released *released, EhdsSuppressed mode)
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

/* Cells in rows of their own, small ones without their figures. */
static Query *
without_figures(Border *b, int depth, EhdsSuppressed mode)
{
	Query *inner = cells(b, depth);
	Query *q;
	int n = 0;
	ListCell *lc;

	add_target(inner, show_cell(b), "shown");
	ehds_move_query(b->gate, inner, depth, 2, depth > 0);
	q = reader(inner);
	while (n++ < list_length(b->keys))
		add_target(q, column(inner->targetList, 1, n), output_name(b, n - 1));
	foreach(lc, b->released)
	{
		Released *r = lfirst(lc);
		Node *value = column(inner->targetList, 1, n);

		add_target(q,
				   r->figure ? ehds_if_else(column(inner->targetList, 1, list_length(inner->targetList)),
											value, hidden_value(b, r, mode))
							 : value,
				   output_name(b, n - 1));
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
		"SELECT ROW(NULL::pg_catalog.text)::pg_catalog.text COLLATE \"C\"");
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
	Query *inner = cells(b, depth);
	Query *template;
	Query *q;
	WindowFunc *apart;
	List *keys = NIL;
	int n = 0;

	add_target(inner, (Node *) of_subjects(b, "k_cell"), "cell");
	add_target(inner, (Node *) of_subjects(b, "k_size"), "size");
	ehds_move_query(b->gate, inner, depth, 3, depth > 0);

	q = reader(inner);
	for (; n < list_length(b->outputs); n++)
	{
		add_target(q, column(inner->targetList, 1, n + 1), output_name(b, n));
		if (n < list_length(b->keys))
			keys = lappend(keys, column(inner->targetList, 1, n + 1));
	}
	template = ehds_parse_template(
		"SELECT ehds.stands_apart(NULL::ehds.k_state, NULL::pg_catalog.int8, NULL::ehds.approval) OVER ()");
	apart = (WindowFunc *) linitial_node(TargetEntry, template->targetList)->expr;
	apart->args = list_make3(column(inner->targetList, 1, n + 1), column(inner->targetList, 1, n + 2),
							 ehds_approval_const(b->gate->approval));
	q->windowClause = template->windowClause;
	q->hasWindowFuncs = true;
	add_target(q, (Node *) apart, "apart");
	add_target(q, keys_as_text(keys), "keys");
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
	q->jointree = makeFromExpr(list_make1(ref), column(columns, 1, n + 1));
	for (int i = 1; i <= n; i++)
		add_target(q, column(columns, 1, i), output_name(b, i - 1));
	return q;
}

/* keys = ANY (SELECT keys FROM cells WHERE NOT apart) */
static Node *
in_a_folded_cell(Border *b, CommonTableExpr *cte, List *columns)
{
	Query *template = ehds_parse_template(
		"SELECT NULL::pg_catalog.text COLLATE \"C\" IN (SELECT NULL::pg_catalog.text)");
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
							   (Node *) makeBoolExpr(NOT_EXPR, list_make1(column(columns, 1, n + 1)), -1));
	add_target(q, column(columns, 1, n + 2), "keys");
	link->subselect = (Node *) q;
	return (Node *) link;
}

/* One row of the persons of all folded cells; a threshold of its own, whatever the marks say. */
static Query *
folded_query(Border *b, int depth, Query *q, CommonTableExpr *cte, List *columns)
{
	ListCell *lc;

	foreach(lc, b->keys)
	{
		Node *key = (Node *) ((TargetEntry *) lfirst(lc))->expr;

		add_target(q, (Node *) makeNullConst(exprType(key), exprTypmod(key), exprCollation(key)),
				   output_name(b, list_length(q->targetList)));
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
		add_target(q, value, output_name(b, list_length(q->targetList)));
	}
	q->havingQual = (Node *) of_subjects(b, "k_met");
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
	CommonTableExpr *cte = ehds_make_cte(CELLS_NAME, marked);
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
		RangeTblEntry *rte = linitial(reader(arms[i])->rtable);

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
		add_target(q, column(arms[0]->targetList, 1, tle->resno), pstrdup(tle->resname));
	}
	q->setOperations = (Node *) both;
	return q;
}

/* ---- totals: GROUPING SETS, ROLLUP, CUBE ---- */

/* GROUPING() of all keys, by which the rows are sorted too. */
static void
add_grouping(Border *b, Query *q)
{
	GroupingFunc *grouping = makeNode(GroupingFunc);
	SortGroupClause *sort = makeNode(SortGroupClause);
	TypeCacheEntry *type = lookup_type_cache(INT4OID, TYPECACHE_LT_OPR | TYPECACHE_EQ_OPR);
	TargetEntry *tle;
	ListCell *lc;

	foreach(lc, b->keys)
	{
		TargetEntry *key = lfirst(lc);

		grouping->args = lappend(grouping->args, copyObject(key->expr));
		grouping->refs = lappend_int(grouping->refs, key->ressortgroupref);
	}
	grouping->location = -1;
	add_target(q, (Node *) grouping, "grouping");
	tle = llast(q->targetList);
	sort->tleSortGroupRef = assignSortGroupRef(tle, q->targetList);
	sort->sortop = type->lt_opr;
	sort->eqop = type->eq_opr;
	sort->hashable = true;
	q->sortClause = lappend(q->sortClause, sort);
}

static Node *
text_array_of(List *keys)
{
	ArrayExpr *array = makeNode(ArrayExpr);
	ListCell *lc;

	foreach(lc, keys)
	{
		Node *key = lfirst(lc);

		array->elements = lappend(array->elements,
								  coerce_to_target_type(NULL, key, exprType(key), TEXTOID, -1,
														COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1));
	}
	array->array_typeid = TEXTARRAYOID;
	array->array_collid = DEFAULT_COLLATION_OID;
	array->element_typeid = TEXTOID;
	array->location = -1;
	return (Node *) array;
}

static Node *
is_null(Node *value)
{
	NullTest *test = makeNode(NullTest);

	test->arg = (Expr *) value;
	test->nulltesttype = IS_NULL;
	test->location = -1;
	return (Node *) test;
}

/* Cells with, for the row and for each figure, whether it may be shown beside the others. */
static Query *
cells_beside_totals(Border *b, int depth)
{
	Query *inner = cells(b, depth);
	Query *q;
	List *keys = NIL;
	Node *hidden;
	int n = list_length(b->outputs);

	add_target(inner, show_cell(b), "shown");
	add_target(inner, (Node *) of_subjects(b, "k_size"), "size");
	add_grouping(b, inner);
	ehds_move_query(b->gate, inner, depth, 3, depth > 0);

	q = reader(inner);
	for (int i = 1; i <= n; i++)
		add_target(q, column(inner->targetList, 1, i), output_name(b, i - 1));
	for (int i = 1; i <= list_length(b->keys); i++)
		keys = lappend(keys, column(inner->targetList, 1, i));
	hidden = (Node *) makeBoolExpr(NOT_EXPR, list_make1(column(inner->targetList, 1, n + 1)), -1);
	for (int i = -1; i < list_length(b->released); i++)
	{
		Query *template;
		WindowFunc *keep;
		Node *of_this = (Node *) copyObject(hidden);

		if (i >= 0)
		{
			if (!((Released *) list_nth(b->released, i))->own_rule)
				continue;
			of_this = (Node *) makeBoolExpr(OR_EXPR,
											list_make2(of_this, is_null(column(inner->targetList, 1,
																			   list_length(keys) + i + 1))),
											-1);
		}
		template = ehds_parse_template(
			"SELECT ehds.keep_cell(NULL::pg_catalog.int8, NULL::pg_catalog.bool, NULL::pg_catalog.int4, "
			"NULL::pg_catalog.text[], NULL::ehds.approval) OVER ()");
		keep = (WindowFunc *) linitial_node(TargetEntry, template->targetList)->expr;
		keep->args = list_make5(column(inner->targetList, 1, n + 2), of_this,
								column(inner->targetList, 1, n + 3), text_array_of(copyObject(keys)),
								ehds_approval_const(b->gate->approval));
		q->windowClause = template->windowClause;
		add_target(q, (Node *) keep, psprintf("keep_%d", i + 1));
	}
	q->hasWindowFuncs = true;
	return q;
}

static Query *
with_totals(Border *b, int depth, EhdsSuppressed mode)
{
	Query *inner = cells_beside_totals(b, depth);
	Query *q = reader(inner);
	int row = list_length(b->outputs) + 1;
	int keep = row;
	int n = 0;
	ListCell *lc;

	while (n++ < list_length(b->keys))
		add_target(q, column(inner->targetList, 1, n), output_name(b, n - 1));
	foreach(lc, b->released)
	{
		Released *r = lfirst(lc);
		Node *value = column(inner->targetList, 1, n);
		Node *condition = column(inner->targetList, 1, row);

		if (r->own_rule)
			condition = (Node *) makeBoolExpr(AND_EXPR,
											  list_make2(condition, column(inner->targetList, 1, ++keep)), -1);
		if (r->figure)
			value = ehds_if_else(condition, value, hidden_value(b, r, mode));
		add_target(q, value, output_name(b, n - 1));
		n++;
	}
	if (mode != EHDS_SUPPRESSED_NULL && mode != EHDS_SUPPRESSED_NEGATIVE)
		q->jointree->quals = column(inner->targetList, 1, row);
	b->gate->margins = true;
	return q;
}

Query *
ehds_k_release(Border *b, int depth)
{
	EhdsSuppressed mode = ehds_suppressed_effective();
	bool has_figures = false;
	Query *q;
	ListCell *lc;

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

	if (b->query->groupingSets != NIL && b->keys != NIL)
		return with_totals(b, depth, mode);
	if (mode == EHDS_SUPPRESSED_NULL || mode == EHDS_SUPPRESSED_NEGATIVE)
		return without_figures(b, depth, mode);
	if (mode == EHDS_SUPPRESSED_OTHER && b->keys != NIL)
		return with_other_row(b, depth);
	q = cells(b, depth);
	q->havingQual = b->gate->permit->cell_key ? ehds_cell_key_having(b) : show_cell(b);
	ehds_move_query(b->gate, q, depth, 1, depth > 0);
	return q;
}
