/*
 * filters.c
 *		Aggregates with FILTER in a release under k-anonymity.
 *
 * A figure under a condition is shown in a cell if k_filters admits the condition
 * there: whatever can be computed from the cell's figures under all conditions of
 * the SELECT then belongs to nobody or to k persons at least.  Sums and rows are
 * moreover computed for the parts into which the conditions cut the cell, and
 * refused if one of them would be (a part that one person dominates is a sum less
 * others).
 */
#include "core/compat.h"

#include "catalog/pg_aggregate.h"
#include "catalog/pg_namespace.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/numeric.h"

#include "core/errors.h"
#include "gate/border.h"
#include "gate/level.h"

#define CONDITIONS_MAX 16
/* with more conditions the parts are each condition, its contrary, and what fulfils none */
#define PARTS_OF_ALL_MAX 3

/* One aggregate with FILTER, completed when all conditions of the SELECT are known. */
typedef struct FilterUse
{
	int condition; /* its position in Border.conditions, -1: none */
	Aggref *made;  /* the protected aggregate, without the filter */
	bool additive; /* figures of parts add up */
	BoolExpr *when;
} FilterUse;

/* Is it the number n, of a type of which ones and zeros are averaged? */
static bool
is_number(Node *node, int n)
{
	Const *c = (Const *) node;

	if (!IsA(node, Const) || c->constisnull)
		return false;
	if (c->consttype == INT4OID)
		return DatumGetInt32(c->constvalue) == n;
	return c->consttype == NUMERICOID &&
		   DatumGetInt32(
			   DirectFunctionCall2(numeric_cmp, c->constvalue, NumericGetDatum(int64_to_numeric(n)))) == 0;
}

/*
 * The condition that stands inside an aggregate: count(x) counts where x is there,
 * sum(c::integer) and sum(CASE WHEN c THEN 1 ELSE 0 END) where c is true, and the
 * average of the like is the share of those rows.  NULL if there is none.
 */
Node *
ehds_inner_condition(Aggref *agg, bool *share)
{
	char *name = get_func_name(agg->aggfnoid);
	Node *value;
	CaseExpr *c;
	CaseWhen *when;

	*share = false;
	if (get_func_namespace(agg->aggfnoid) != PG_CATALOG_NAMESPACE || agg->aggkind != AGGKIND_NORMAL ||
		list_length(agg->args) != 1 || agg->aggdistinct != NIL)
		return NULL;
	value = (Node *) linitial_node(TargetEntry, agg->args)->expr;
	if (strcmp(name, "count") == 0)
	{
		NullTest *test = makeNode(NullTest);

		test->arg = (Expr *) copyObject(value);
		test->nulltesttype = IS_NOT_NULL;
		test->location = -1;
		return (Node *) test;
	}
	*share = strcmp(name, "avg") == 0;
	if (!*share && strcmp(name, "sum") != 0)
		return NULL;
	if (IsA(value, FuncExpr) && ((FuncExpr *) value)->funcid == F_INT4_BOOL)
		return copyObject((Node *) linitial(((FuncExpr *) value)->args));
	if (!IsA(value, CaseExpr))
		return NULL;
	c = (CaseExpr *) value;
	if (c->arg != NULL || list_length(c->args) != 1)
		return NULL;
	when = linitial_node(CaseWhen, c->args);
	/* without ELSE the sum counts as well, the average does not */
	if ((!*share && exprType(value) != INT4OID) || !is_number((Node *) when->result, 1) ||
		!(is_number((Node *) c->defresult, 0) ||
		  (!*share && IsA(c->defresult, Const) && ((Const *) c->defresult)->constisnull)))
		return NULL;
	return copyObject((Node *) when->expr);
}

static Node *
truth(Node *condition, bool is_true)
{
	BooleanTest *test = makeNode(BooleanTest);

	test->arg = (Expr *) copyObject(condition);
	test->booltesttype = is_true ? IS_TRUE : IS_NOT_TRUE;
	test->location = -1;
	return (Node *) test;
}

static int
position_of(Border *b, Node *condition)
{
	int i = 0;
	ListCell *lc;

	foreach(lc, b->conditions)
	{
		if (equal(lfirst(lc), condition))
			return i;
		i++;
	}
	b->conditions = lappend(b->conditions, condition);
	return i;
}

/*
 * CASE WHEN (the condition may be told apart here) THEN made FILTER (WHERE condition) END.
 * explicit: the analyst chose the condition, and did not only average a column with NULLs.
 */
Node *
ehds_filtered(Border *b, Aggref *agg, Aggref *made, Node *condition, bool additive, bool explicit)
{
	FilterUse *use = palloc0(sizeof(FilterUse));
	CaseExpr *result = makeNode(CaseExpr);
	CaseWhen *when = makeNode(CaseWhen);
	Aggref *filtered = copyObject(made);

	ehds_require_harmless_in(b->level, condition);
	use->condition = position_of(b, condition);
	if (use->condition >= CONDITIONS_MAX)
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("a SELECT has at most %d different FILTER conditions under a statistics permit",
						   CONDITIONS_MAX),
					errhint("Group by what the conditions distinguish."));
	use->made = made;
	use->additive = additive;
	b->chosen_conditions = b->chosen_conditions || explicit;
	use->when = (BoolExpr *) makeBoolExpr(AND_EXPR, NIL, -1);
	b->filters = lappend(b->filters, use);

	/* as the parts are written, so that figures of the same rows are computed once */
	filtered->aggfilter = (Expr *) truth(condition, true);
	when->expr = (Expr *) use->when;
	when->result = (Expr *) filtered;
	when->location = -1;
	result->casetype = exprType((Node *) made);
	result->casecollid = exprCollation((Node *) made);
	result->args = list_make1(when);
	result->defresult = (Expr *) makeNullConst(result->casetype, -1, result->casecollid);
	result->location = -1;
	return (Node *) result;
}

/*
 * CASE WHEN (conditions of others on the column do not tell few) THEN figure END, for a
 * sum, average or variance without FILTER.
 */
Node *
ehds_beside_filters(Border *b, Aggref *made, Node *figure)
{
	FilterUse *use = palloc0(sizeof(FilterUse));

	use->condition = -1;
	use->made = made;
	use->additive = true;
	use->when = (BoolExpr *) makeBoolExpr(AND_EXPR, NIL, -1);
	b->filters = lappend(b->filters, use);
	return ehds_if_else((Node *) use->when, figure,
						(Node *) makeNullConst(exprType(figure), -1, exprCollation(figure)));
}

static Node *
int8_const(int64 value)
{
	return (Node *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(value), false,
							  FLOAT8PASSBYVAL);
}

/* Which of these conditions a row fulfils, as bits; NIL: of all. */
static Node *
mask_of_row(Border *b, List *conditions)
{
	Node *mask = NULL;
	ListCell *lc;

	foreach(lc, b->conditions)
	{
		int i = foreach_current_index(lc);
		Node *bit;

		if (conditions != NIL && !list_member_int(conditions, i))
			continue;
		bit = ehds_if_else(truth(lfirst(lc), true), int8_const(INT64CONST(1) << i), int8_const(0));
		mask = (mask == NULL) ? bit
							  : (Node *) makeFuncExpr(F_INT8OR, INT8OID, list_make2(mask, bit), InvalidOid,
													  InvalidOid, COERCE_EXPLICIT_CALL);
	}
	return mask;
}

/* k_filters(subject, mask, k) & bit <> 0; of these conditions (NIL: all) and of these rows (NULL: all) */
static Node *
is_admitted_among(Border *b, int condition, List *conditions, Node *rows)
{
	Oid type = ehds_subject_argument_type(((Var *) linitial(b->subjects))->vartype);
	OpExpr *test = (OpExpr *) ehds_parse_expression(
		psprintf("SELECT ehds.k_filters(NULL::%s, NULL::pg_catalog.int8, %d)"
				 " OPERATOR(pg_catalog.&) '%lld'::pg_catalog.int8 OPERATOR(pg_catalog.<>) '0'::pg_catalog.int8",
				 ehds_type_name(type), b->k, 1LL << condition));
	Aggref *filters = linitial_node(Aggref, linitial_node(OpExpr, test->args)->args);

	ehds_set_argument(filters, 0, ehds_as_type((Node *) copyObject(linitial(b->subjects)), type));
	ehds_set_argument(filters, 1, mask_of_row(b, conditions));
	filters->aggfilter = (Expr *) rows;
	return (Node *) test;
}

static Node *
is_admitted(Border *b, int condition)
{
	return is_admitted_among(b, condition, NIL, NULL);
}

/* The column of a sum; NULL for rows. */
static Node *
value_of(Aggref *made)
{
	return list_length(made->args) < 3 ? NULL : (Node *) ((TargetEntry *) lsecond(made->args))->expr;
}

Node *
ehds_is_not_zero(Node *value)
{
	char *type = ehds_type_name(exprType(value));
	OpExpr *test = (OpExpr *) ehds_parse_expression(
		psprintf("SELECT NULL::%s OPERATOR(pg_catalog.<>) '0'::%s", type, type));

	linitial(test->args) = copyObject(value);
	return (Node *) test;
}

static Node *
is_shown(Aggref *figure)
{
	NullTest *test = makeNode(NullTest);

	test->arg = (Expr *) figure;
	test->nulltesttype = IS_NOT_NULL;
	test->location = -1;
	return (Node *) test;
}

/* The aggregate may be shown over the rows that part describes, or there is nothing to sum but zeros. */
static Node *
part_is_safe(Border *b, Aggref *made, List *part)
{
	Aggref *with_zeros = ehds_sum_with_zeros(b, made);
	bool rows = value_of(made) == NULL;
	Aggref *figure = copyObject(made);
	OpExpr *none;
	Aggref *count;
	List *not_none = part;
	Node *safe;
	Node *filter = (Node *) makeBoolExpr(AND_EXPR, part, -1);

	none = (OpExpr *) ehds_parse_expression(
		"SELECT pg_catalog.count(*) OPERATOR(pg_catalog.=) '0'::pg_catalog.int8");
	count = linitial_node(Aggref, none->args);
	if (!rows)
		not_none = lappend(list_copy(part), ehds_is_not_zero(value_of(made)));
	count->aggfilter = (Expr *) makeBoolExpr(AND_EXPR, not_none, -1);
	figure->aggfilter = (Expr *) copyObject(filter);
	safe = is_shown(figure);
	if (with_zeros != NULL)
	{
		with_zeros->aggfilter = (Expr *) copyObject(filter);
		safe = (Node *) makeBoolExpr(AND_EXPR, list_make2(safe, is_shown(with_zeros)), -1);
	}
	return (Node *) makeBoolExpr(OR_EXPR, list_make2(none, safe), -1);
}

/* Is it the condition that the column of the aggregate has a value? */
static bool
asks_for_value(Node *condition, Aggref *made)
{
	NullTest *test = (NullTest *) condition;

	return IsA(condition, NullTest) && test->nulltesttype == IS_NOT_NULL && value_of(made) != NULL &&
		   equal(test->arg, value_of(made));
}

typedef struct Mention
{
	Border *b;
	Query *query; /* in which the expression stands */
	Node *column;
} Mention;

/* The WITH query of this name, NULL if there is none or more than one. */
static Query *
query_of_cte(Border *b, const char *name)
{
	List *lists[] = {b->query->cteList, b->gate->top->cteList};
	Query *found = NULL;

	for (int i = 0; i < (lists[0] == lists[1] ? 1 : 2); i++)
	{
		ListCell *lc;

		foreach(lc, lists[i])
		{
			CommonTableExpr *cte = lfirst(lc);

			if (strcmp(cte->ctename, name) != 0)
				continue;
			if (found != NULL)
				return NULL;
			found = castNode(Query, cte->ctequery);
		}
	}
	return found;
}

static bool
mention_walker(Node *node, void *arg)
{
	Mention *m = arg;

	if (node == NULL)
		return false;
	/* whether there is a value says nothing of it */
	if (IsA(node, NullTest) && IsA(((NullTest *) node)->arg, Var))
		return false;
	if (IsA(node, SubLink))
		return true; /* who knows */
	if (IsA(node, Var))
	{
		Var *var = ehds_column_of(m->query, node);
		RangeTblEntry *rte = var == NULL ? NULL : rt_fetch(var->varno, m->query->rtable);
		Mention inner = *m;

		if (rte == NULL || var->varattno <= 0)
			return true; /* who knows */
		if (ehds_same_column_in(m->query, node, m->b->query, m->column))
			return true;
		if (rte->rtekind == RTE_CTE)
			inner.query = query_of_cte(m->b, rte->ctename);
		else if (rte->rtekind == RTE_SUBQUERY)
			inner.query = rte->subquery;
		else
			return false;
		if (inner.query == NULL || inner.query->setOperations != NULL)
			return true;
		if (ehds_permit_view(ehds_view_of_subquery(rte)) != NULL)
			return false;
		return mention_walker((Node *) get_tle_by_resno(inner.query->targetList, var->varattno)->expr, &inner);
	}
	return expression_tree_walker(node, mention_walker, arg);
}

/* Is the expression made of this column of the permit? */
bool
ehds_mentions_column(Border *b, Node *expression, Node *column)
{
	Mention m = {b, b->query, column};

	return column != NULL && mention_walker(expression, &m);
}

/*
 * Is it a condition on the column of the aggregate itself?  Where 0, 1 and 2 occur, the
 * number of rows with 0 makes the sum one of two values.
 */
static bool
mentions_column(Border *b, Node *condition, Aggref *made)
{
	return ehds_mentions_column(b, condition, value_of(made));
}

/* All the parts into which a few conditions cut a cell. */
static List *
parts_are_safe(Border *b, FilterUse *use, List *conditions)
{
	List *checks = NIL;
	int n = list_length(conditions);
	ListCell *lc;

	for (int signs = 0; signs < (1 << n); signs++)
	{
		List *part = NIL;
		bool empty = false;
		int i = 0;

		foreach(lc, conditions)
		{
			Node *condition = list_nth(b->conditions, lfirst_int(lc));
			bool holds = (signs >> i++) & 1;

			part = lappend(part, truth(condition, holds));
			empty = empty || (!holds && asks_for_value(condition, use->made));
		}
		if (!empty)
			checks = lappend(checks, part_is_safe(b, use->made, part));
	}
	return checks;
}

/*
 * The condition may be told apart among the rows that make up a sum: whatever can be
 * computed from the sums is then one of nobody or of k persons, zeros not counted.
 */
static Node *
is_admitted_in_sum(Border *b, FilterUse *use)
{
	List *conditions = NIL;
	ListCell *lc;
	Node *value = value_of(use->made);

	/* later conditions change nothing for this one: all are asked for at once */
	foreach(lc, b->filters)
	{
		FilterUse *other = lfirst(lc);

		if (other->additive && other->condition >= 0 && ehds_same_column(b, value_of(other->made), value))
			conditions = list_append_unique_int(conditions, other->condition);
	}
	return is_admitted_among(b, use->condition, conditions, ehds_is_not_zero(value));
}

/*
 * The parts of many conditions that are looked at.  Of rows only those of admitted
 * conditions: a table of many classes is not lost to a small one among them.
 */
static List *
simple_parts_are_safe(Border *b, FilterUse *use, List *conditions)
{
	bool rows = value_of(use->made) == NULL;
	List *checks = NIL;
	List *none = NIL;
	List *unless = NIL;
	ListCell *lc;

	foreach(lc, conditions)
	{
		Node *condition = list_nth(b->conditions, lfirst_int(lc));
		Node *refused = (Node *) makeBoolExpr(NOT_EXPR, list_make1(is_admitted(b, lfirst_int(lc))), -1);
		List *both = list_make2(part_is_safe(b, use->made, list_make1(truth(condition, true))),
								part_is_safe(b, use->made, list_make1(truth(condition, false))));
		Node *safe = (Node *) makeBoolExpr(AND_EXPR, both, -1);

		checks = lappend(checks, rows ? (Node *) makeBoolExpr(OR_EXPR, list_make2(refused, safe), -1) : safe);
		none = lappend(none, truth(condition, false));
		unless = lappend(unless, copyObject(refused));
	}
	if (!rows && use->condition >= 0)
		checks = lappend(checks, is_admitted_in_sum(b, use));
	unless = rows ? unless : NIL;
	unless = lappend(unless, part_is_safe(b, use->made, none));
	return lappend(checks, list_length(unless) == 1 ? linitial(unless) : makeBoolExpr(OR_EXPR, unless, -1));
}

/*
 * The parts of the conditions up to that of use that are used with rows, or with
 * the same column: an average times a number of rows is a sum.  Earlier ones that
 * are not admitted in a cell show nothing there, and do not cut it: for each set of
 * earlier ones, it is not the admitted one or its parts are safe.  So for conditions on
 * the column itself, whatever they are used with.
 */
static List *
additive_checks(Border *b, FilterUse *use)
{
	List *earlier = NIL;
	List *checks = NIL;
	int n;
	ListCell *lc;

	foreach(lc, b->filters)
	{
		FilterUse *other = lfirst(lc);

		if (other->additive && other->condition >= 0 && other->condition < use->condition &&
			ehds_same_column(b, value_of(other->made), value_of(use->made)))
			earlier = list_append_unique_int(earlier, other->condition);
	}
	foreach(lc, b->conditions)
	{
		if (foreach_current_index(lc) != use->condition && mentions_column(b, lfirst(lc), use->made))
			earlier = list_append_unique_int(earlier, foreach_current_index(lc));
	}
	n = list_length(earlier);
	if (n >= PARTS_OF_ALL_MAX)
		return simple_parts_are_safe(b, use,
									 use->condition < 0 ? earlier : lappend_int(earlier, use->condition));
	for (int set = 0; set < (1 << n); set++)
	{
		List *conditions = NIL;
		List *either = NIL;
		int i = 0;

		foreach(lc, earlier)
		{
			Node *admitted = is_admitted(b, lfirst_int(lc));

			if ((set >> i++) & 1)
			{
				conditions = lappend_int(conditions, lfirst_int(lc));
				admitted = (Node *) makeBoolExpr(NOT_EXPR, list_make1(admitted), -1);
			}
			either = lappend(either, admitted);
		}
		if (use->condition >= 0)
			conditions = lappend_int(conditions, use->condition);
		if (conditions == NIL)
			continue;
		either = lappend(either, makeBoolExpr(AND_EXPR, parts_are_safe(b, use, conditions), -1));
		checks = lappend(checks,
						 list_length(either) == 1 ? linitial(either) : makeBoolExpr(OR_EXPR, either, -1));
	}
	return checks;
}

void
ehds_complete_filters(Border *b)
{
	ListCell *lc;

	foreach(lc, b->filters)
	{
		FilterUse *use = lfirst(lc);

		use->when->args = list_make1(use->condition < 0 ? makeBoolConst(true, false)
														: is_admitted(b, use->condition));
		if (use->additive)
			use->when->args = list_concat(use->when->args, additive_checks(b, use));
	}
}
