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

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"

#include "core/errors.h"
#include "gate/border.h"

#define CONDITIONS_MAX 16
/* with more conditions the parts are each condition, its contrary, and what fulfils none */
#define PARTS_OF_ALL_MAX 3

/* One aggregate with FILTER, completed when all conditions of the SELECT are known. */
typedef struct FilterUse
{
	int condition; /* its position in Border.conditions */
	Aggref *made;  /* the protected aggregate, without the filter */
	bool additive; /* figures of parts add up */
	BoolExpr *when;
} FilterUse;

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

/* CASE WHEN (the condition may be told apart here) THEN made FILTER (WHERE condition) END */
Node *
ehds_filtered(Border *b, Aggref *agg, Aggref *made, Node *condition, bool additive)
{
	FilterUse *use = palloc0(sizeof(FilterUse));
	CaseExpr *result = makeNode(CaseExpr);
	CaseWhen *when = makeNode(CaseWhen);
	Aggref *filtered = copyObject(made);

	ehds_require_harmless(condition, b->gate->query_string, b->classify, b->context);
	use->condition = position_of(b, condition);
	if (use->condition >= CONDITIONS_MAX)
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("a SELECT has at most %d different FILTER conditions under a statistics permit",
						   CONDITIONS_MAX),
					errhint("Group by what the conditions distinguish."));
	use->made = made;
	use->additive = additive;
	use->when = (BoolExpr *) makeBoolExpr(AND_EXPR, NIL, -1);
	b->filters = lappend(b->filters, use);

	filtered->aggfilter = (Expr *) copyObject(condition);
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

static Node *
int8_const(int64 value)
{
	return (Node *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(value), false,
							  FLOAT8PASSBYVAL);
}

/* The conditions that a row fulfils, as bits. */
static Node *
mask_of_row(Border *b)
{
	Node *mask = NULL;
	int i = 0;
	ListCell *lc;

	foreach(lc, b->conditions)
	{
		Node *bit = ehds_if_else(truth(lfirst(lc), true), int8_const(INT64CONST(1) << i), int8_const(0));

		mask = (mask == NULL) ? bit
							  : (Node *) makeFuncExpr(F_INT8OR, INT8OID, list_make2(mask, bit), InvalidOid,
													  InvalidOid, COERCE_EXPLICIT_CALL);
		i++;
	}
	return mask;
}

/* k_filters(subject, mask, k) & bit <> 0 */
static Node *
is_admitted(Border *b, int condition)
{
	Oid type = ehds_subject_argument_type(((Var *) linitial(b->subjects))->vartype);
	OpExpr *test = (OpExpr *) ehds_parse_expression(
		psprintf("SELECT ehds.k_filters(NULL::%s, NULL::pg_catalog.int8, %d)"
				 " OPERATOR(pg_catalog.&) '%lld'::pg_catalog.int8 OPERATOR(pg_catalog.<>) '0'::pg_catalog.int8",
				 ehds_type_name(type), b->k, 1LL << condition));
	Aggref *filters = linitial_node(Aggref, linitial_node(OpExpr, test->args)->args);

	ehds_set_argument(filters, 0, ehds_as_type((Node *) copyObject(linitial(b->subjects)), type));
	ehds_set_argument(filters, 1, mask_of_row(b));
	return (Node *) test;
}

/* The aggregate may be shown over the rows that part describes, or there is nothing to sum. */
static Node *
part_is_safe(Aggref *made, List *part)
{
	bool rows = list_length(made->args) < 3;
	Aggref *figure = copyObject(made);
	OpExpr *none;
	Aggref *count;
	NullTest *shown = makeNode(NullTest);
	Node *filter = (Node *) makeBoolExpr(AND_EXPR, part, -1);

	none = (OpExpr *) ehds_parse_expression(
		psprintf("SELECT pg_catalog.count(%s) OPERATOR(pg_catalog.=) '0'::pg_catalog.int8",
				 rows ? "*" : "NULL::pg_catalog.int8"));
	count = linitial_node(Aggref, none->args);
	if (!rows)
	{
		Node *value = (Node *) ((TargetEntry *) lsecond(made->args))->expr;

		count->aggargtypes = list_make1_oid(exprType(value));
		ehds_set_argument(count, 0, (Node *) copyObject(value));
	}
	count->aggfilter = (Expr *) filter;
	figure->aggfilter = (Expr *) copyObject(filter);
	shown->arg = (Expr *) figure;
	shown->nulltesttype = IS_NOT_NULL;
	shown->location = -1;
	return (Node *) makeBoolExpr(OR_EXPR, list_make2(none, shown), -1);
}

/* The parts into which these conditions cut a cell, all of them or the simple ones. */
static List *
parts_are_safe(Border *b, FilterUse *use, List *conditions)
{
	List *checks = NIL;
	List *none = NIL;
	int n = list_length(conditions);
	ListCell *lc;

	if (n <= PARTS_OF_ALL_MAX)
	{
		for (int signs = 0; signs < (1 << n); signs++)
		{
			List *part = NIL;
			int i = 0;

			foreach(lc, conditions)
				part = lappend(part, truth(list_nth(b->conditions, lfirst_int(lc)), (signs >> i++) & 1));
			checks = lappend(checks, part_is_safe(use->made, part));
		}
		return checks;
	}
	foreach(lc, conditions)
	{
		Node *condition = list_nth(b->conditions, lfirst_int(lc));

		checks = lappend(checks, part_is_safe(use->made, list_make1(truth(condition, true))));
		checks = lappend(checks, part_is_safe(use->made, list_make1(truth(condition, false))));
		none = lappend(none, truth(condition, false));
	}
	return lappend(checks, part_is_safe(use->made, none));
}

/*
 * The parts of the conditions up to that of use that are used with the same
 * aggregate.  Earlier ones that are not admitted in a cell show nothing there, and
 * do not cut it: for each set of earlier ones, it is not the admitted one or its
 * parts are safe.
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

		if (other->additive && other->condition < use->condition && equal(other->made, use->made))
			earlier = list_append_unique_int(earlier, other->condition);
	}
	n = list_length(earlier);
	if (n >= PARTS_OF_ALL_MAX)
		return parts_are_safe(b, use, lappend_int(earlier, use->condition));
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
		conditions = lappend_int(conditions, use->condition);
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

		use->when->args = list_make1(is_admitted(b, use->condition));
		if (use->additive)
			use->when->args = list_concat(use->when->args, additive_checks(b, use));
	}
}
