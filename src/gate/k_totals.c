/*
 * k_totals.c
 *		Releases under k-anonymity with totals: GROUPING SETS, ROLLUP, CUBE.
 *
 * With grouping sets a small cell could be computed from totals and the other
 * cells.  Then keep_cell, over all cells of the release, says what is hidden beside
 * the small ones, and again for each figure that has rules of its own: where it is
 * NULL it must not be computable either.
 */
#include "core/compat.h"

#include "catalog/pg_collation.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "parser/parse_agg.h"
#include "parser/parse_clause.h"
#include "parser/parse_coerce.h"
#include "utils/typcache.h"

#include "gate/border.h"

/*
 * Make sure that the cells by all keys are computed; false if they were not asked
 * for.  A key may be made of another (regions of places), so that the cells of one
 * set are totals of cells of another that no key tells of.
 */
static bool
add_finest(Border *b, Query *q)
{
	List *sets = expand_grouping_sets(b->query->groupingSets, b->query->groupDistinct, -1);
	List *finest = NIL;
	List *all = NIL;
	ListCell *lc;

	foreach(lc, b->keys)
		finest = lappend_int(finest, ((TargetEntry *) lfirst(lc))->ressortgroupref);
	foreach(lc, sets)
	{
		List *set = lfirst(lc);

		if (list_length(list_intersection_int(finest, set)) == list_length(finest))
			return true;
		all = lappend(all, makeGroupingSet(set == NIL ? GROUPING_SET_EMPTY : GROUPING_SET_SIMPLE, set, -1));
	}
	all = lappend(all, makeGroupingSet(GROUPING_SET_SIMPLE, finest, -1));
	q->groupingSets = list_make1(makeGroupingSet(GROUPING_SET_SETS, all, -1));
	return false;
}

/* Is it a cell by all keys? */
static Node *
is_finest(Query *inner, int grouping)
{
	OpExpr *test = (OpExpr *) ehds_parse_expression("SELECT NULL::pg_catalog.int4 OPERATOR(pg_catalog.=) 0");

	linitial(test->args) = ehds_column(inner->targetList, 1, grouping);
	return (Node *) test;
}

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
	ehds_add_target(q, (Node *) grouping, "grouping");
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

/* Is there an average among the figures? */
static bool
has_link(Border *b)
{
	ListCell *lc;

	foreach(lc, b->released)
		if (((Released *) lfirst(lc))->with_rows)
			return true;
	return false;
}

/*
 * That figure i is NULL; and, if an average stands among the figures, that any of
 * those is with which it gives another: an average times rows is a sum, and a sum
 * by an average is rows.  Then what is hidden beside one must be hidden beside all.
 */
static List *
missing_figures(Border *b, Query *inner, int i)
{
	bool linked = has_link(b) && ((Released *) list_nth(b->released, i))->linked;
	List *tests = NIL;
	int n = 0;
	ListCell *lc;

	foreach(lc, b->released)
	{
		if (n == i || (linked && ((Released *) lfirst(lc))->linked))
			tests = lappend(tests, is_null(ehds_column(inner->targetList, 1, list_length(b->keys) + n + 1)));
		n++;
	}
	return tests;
}

/* The persons without whom figure i would be nothing: of a sum those with something other than 0. */
static Node *
contributors_of(Border *b, int i)
{
	Aggref *persons = ehds_of_subjects(b, "k_size");
	Node *column = ((Released *) list_nth(b->released, i))->column;

	if (column != NULL)
		persons->aggfilter = (Expr *) ehds_is_not_zero(column);
	return (Node *) persons;
}

/* Adds a column for each figure with rules of its own; the same for all that are linked. */
static void
add_contributors(Border *b, Query *q)
{
	bool linked = has_link(b);
	MinMaxExpr *least = makeNode(MinMaxExpr);
	ListCell *lc;

	least->minmaxtype = INT8OID;
	least->op = IS_LEAST;
	least->location = -1;
	foreach(lc, b->released)
		if (((Released *) lfirst(lc))->linked)
			least->args = lappend(least->args, contributors_of(b, foreach_current_index(lc)));
	foreach(lc, b->released)
	{
		Released *r = lfirst(lc);

		if (r->own_rule)
			ehds_add_target(q,
							linked && r->linked ? (Node *) copyObject(least)
												: contributors_of(b, foreach_current_index(lc)),
							psprintf("contributors_%d", foreach_current_index(lc) + 1));
	}
}

/* Cells with, for the row and for each figure, whether it may be shown beside the others. */
static Query *
cells_beside_totals(Border *b, int depth)
{
	Query *inner = ehds_cells_query(b, depth);
	bool all_seen = add_finest(b, inner);
	Query *q;
	List *keys = NIL;
	Node *hidden;
	int n = list_length(b->outputs);
	int contributors = n + 4; /* the first of such columns */

	ehds_add_target(inner, ehds_cell_is_shown(b), "shown");
	ehds_add_target(inner, (Node *) ehds_of_subjects(b, "k_size"), "size");
	add_grouping(b, inner);
	add_contributors(b, inner);
	ehds_move_query(b->gate, inner, depth, 3, depth > 0);

	q = ehds_reader(inner);
	for (int i = 1; i <= n; i++)
		ehds_add_target(q, ehds_column(inner->targetList, 1, i), ehds_output_name(b, i - 1));
	for (int i = 1; i <= list_length(b->keys); i++)
		keys = lappend(keys, ehds_column(inner->targetList, 1, i));
	hidden = (Node *) makeBoolExpr(NOT_EXPR, list_make1(ehds_column(inner->targetList, 1, n + 1)), -1);
	for (int i = -1; i < list_length(b->released); i++)
	{
		Query *template;
		WindowFunc *keep;
		Node *of_this = (Node *) copyObject(hidden);

		if (i >= 0)
		{
			if (!((Released *) list_nth(b->released, i))->own_rule)
				continue;
			of_this = (Node *) makeBoolExpr(OR_EXPR, lcons(of_this, missing_figures(b, inner, i)), -1);
		}
		if (!all_seen)
			of_this = ehds_if_else(is_finest(inner, n + 3), (Node *) makeNullConst(BOOLOID, -1, InvalidOid),
								   of_this);
		template = ehds_parse_template(
			"SELECT ehds.keep_cell(NULL::pg_catalog.int8, NULL::pg_catalog.bool, NULL::pg_catalog.int4, "
			"NULL::pg_catalog.text[], NULL::ehds.approval, NULL::pg_catalog.int8) OVER ()");
		keep = (WindowFunc *) linitial_node(TargetEntry, template->targetList)->expr;
		keep->args = list_make5(ehds_column(inner->targetList, 1, n + 2), of_this,
								ehds_column(inner->targetList, 1, n + 3), text_array_of(copyObject(keys)),
								ehds_approval_const(b->gate->approval));
		keep->args = lappend(keep->args, ehds_column(inner->targetList, 1, i < 0 ? n + 2 : contributors++));
		q->windowClause = template->windowClause;
		ehds_add_target(q, (Node *) keep, psprintf("keep_%d", i + 1));
	}
	q->hasWindowFuncs = true;
	ehds_add_target(q,
					all_seen ? makeBoolConst(true, false)
							 : (Node *) makeBoolExpr(NOT_EXPR, list_make1(is_finest(inner, n + 3)), -1),
					"asked");
	return q;
}

Query *
ehds_with_totals(Border *b, int depth, EhdsSuppressed mode)
{
	Query *inner = cells_beside_totals(b, depth);
	Query *q = ehds_reader(inner);
	int row = list_length(b->outputs) + 1;
	int keep = row;
	int n = 0;
	ListCell *lc;

	while (n++ < list_length(b->keys))
		ehds_add_target(q, ehds_column(inner->targetList, 1, n), ehds_output_name(b, n - 1));
	foreach(lc, b->released)
	{
		Released *r = lfirst(lc);
		Node *value = ehds_column(inner->targetList, 1, n);
		Node *condition = ehds_column(inner->targetList, 1, row);

		if (r->own_rule)
			condition = (Node *) makeBoolExpr(AND_EXPR,
											  list_make2(condition, ehds_column(inner->targetList, 1, ++keep)),
											  -1);
		if (r->figure)
			value = ehds_if_else(condition, value, ehds_hidden_value(b, r, mode));
		ehds_add_target(q, value, ehds_output_name(b, n - 1));
		n++;
	}
	q->jointree->quals = ehds_column(inner->targetList, 1, list_length(inner->targetList));
	if (mode != EHDS_SUPPRESSED_NULL && mode != EHDS_SUPPRESSED_NEGATIVE)
		q->jointree->quals = (Node *)
			makeBoolExpr(AND_EXPR, list_make2(q->jointree->quals, ehds_column(inner->targetList, 1, row)), -1);
	b->gate->margins = true;
	return q;
}
