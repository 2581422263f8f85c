/*
 * values.c
 *		Expressions that an aggregate may take in place of a column: differences of
 *		two columns, and what constants make of one value.
 *
 * Values of the analyst's own would encode small groups in a sum.  But a length of
 * stay, the difference of two dates of the permit, is a magnitude as natural as a
 * column, and the rules of sums are asked of it as of one.  And what constants do to
 * all values alike (years from a year, days to weeks) can be done to the figure: the
 * rules see the value without them, since whoever adds a million to everybody's cost
 * hides from them that one person dominates.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_aggregate.h"
#include "catalog/pg_namespace.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/numeric.h"

#include "core/errors.h"
#include "gate/allowed.h"
#include "gate/border.h"

/* The native function that node calls, with its arguments. */
static Oid
called(Node *node, List **args)
{
	if (IsA(node, OpExpr))
	{
		*args = ((OpExpr *) node)->args;
		return ehds_native_version(((OpExpr *) node)->opfuncid);
	}
	if (IsA(node, FuncExpr))
	{
		*args = ((FuncExpr *) node)->args;
		return ehds_native_version(((FuncExpr *) node)->funcid);
	}
	return InvalidOid;
}

static bool
is_column_of_type(Query *query, Node *node, Oid type)
{
	AttrNumber attno;

	return exprType(node) == type && OidIsValid(ehds_origin_of(query, node, &attno));
}

/* Days between two dates, or seconds between two timestamps, each of them a column. */
static bool
is_difference_here(Query *query, Node *node)
{
	List *args;
	Oid function = called(node, &args);
	Oid type = DATEOID;

	if (function == F_EXTRACT_TEXT_INTERVAL || function == F_DATE_PART_TEXT_INTERVAL)
	{
		char *field = ehds_constant_text(linitial(args));

		if (field == NULL || strcmp(field, "epoch") != 0 || called(lsecond(args), &args) != F_TIMESTAMP_MI)
			return false;
		type = TIMESTAMPOID;
	}
	else if (function != F_DATE_MI)
		return false;
	return is_column_of_type(query, linitial(args), type) && is_column_of_type(query, lsecond(args), type);
}

/* The subquery that node is a column of, if it only selects; and the column's expression there. */
static Query *
selection_of(Query *query, Node *node, Node **expression)
{
	Var *var = ehds_column_of(query, node);
	RangeTblEntry *rte;
	Query *inner;

	if (var == NULL || var->varattno <= 0)
		return NULL;
	rte = rt_fetch(var->varno, query->rtable);
	if (rte->rtekind != RTE_SUBQUERY || ehds_permit_view(ehds_view_of_subquery(rte)) != NULL)
		return NULL;
	inner = rte->subquery;
	if (inner->setOperations != NULL || inner->groupClause != NIL || inner->hasAggs ||
		inner->distinctClause != NIL || inner->hasTargetSRFs)
		return NULL;
	*expression = (Node *) get_tle_by_resno(inner->targetList, var->varattno)->expr;
	return inner;
}

bool
ehds_is_difference(Query *query, Node *node)
{
	Node *expression;
	Query *inner = selection_of(query, node, &expression);

	return inner != NULL ? ehds_is_difference(inner, expression) : is_difference_here(query, node);
}

/* ---- constants: value = factor * base + shift ---- */

typedef struct Scaled
{
	Node *base; /* NULL: there is none, the value is shift */
	Numeric factor;
	Numeric shift;
} Scaled;

#define NUMERIC(function, a, b) \
	DatumGetNumeric(DirectFunctionCall2(function, NumericGetDatum(a), NumericGetDatum(b)))

/* A constant as a number of moderate size, NULL if it is none. */
static Numeric
constant_number(Node *node)
{
	Const *c;
	double size;
	Numeric number;

	if (contain_vars_of_level(node, 0) || contain_agg_clause(node) || contain_subplans(node) ||
		contain_mutable_functions(node))
		return NULL;
	c = (Const *) eval_const_expressions(NULL, copyObject(node));
	if (!IsA(c, Const) || c->constisnull)
		return NULL;
	switch (c->consttype)
	{
		case INT2OID:
			number = int64_to_numeric(DatumGetInt16(c->constvalue));
			break;
		case INT4OID:
			number = int64_to_numeric(DatumGetInt32(c->constvalue));
			break;
		case INT8OID:
			number = int64_to_numeric(DatumGetInt64(c->constvalue));
			break;
		case NUMERICOID:
			number = DatumGetNumeric(c->constvalue);
			break;
		case FLOAT8OID:
			number = DatumGetNumeric(DirectFunctionCall1(float8_numeric, c->constvalue));
			break;
		default:
			return NULL;
	}
	/* nothing that is computed with it can overflow, and a value times 0 would be hidden */
	size = fabs(DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number))));
	return size == 0 || (size >= 1e-9 && size <= 1e12) ? number : NULL;
}

/* What kind of arithmetic a function does: '+', '-', '*', '/', 'c' for a cast that keeps the value, or 0. */
static char
arithmetic(Oid function)
{
	switch (function)
	{
		case F_INT4PL:
		case F_INT8PL:
		case F_INT48PL:
		case F_INT84PL:
		case F_NUMERIC_ADD:
		case F_FLOAT8PL:
			return '+';
		case F_INT4MI:
		case F_INT8MI:
		case F_INT48MI:
		case F_INT84MI:
		case F_NUMERIC_SUB:
		case F_FLOAT8MI:
			return '-';
		case F_INT4MUL:
		case F_INT8MUL:
		case F_INT48MUL:
		case F_INT84MUL:
		case F_NUMERIC_MUL:
		case F_FLOAT8MUL:
			return '*';
		case F_NUMERIC_DIV:
		case F_FLOAT8DIV:
			return '/';
		case F_INT8_INT4:
		case F_NUMERIC_INT2:
		case F_NUMERIC_INT4:
		case F_NUMERIC_INT8:
		case F_FLOAT8_INT2:
		case F_FLOAT8_INT4:
		case F_FLOAT8_INT8:
		case F_FLOAT8_NUMERIC:
			return 'c';
		default:
			return 0;
	}
}

/* A column of the subquery that gives the expression, added to it if there is none. */
static Node *
column_for(RangeTblEntry *rte, int varno, Node *expression)
{
	Query *inner = rte->subquery;
	ListCell *lc;
	int n = list_length(inner->targetList) + 1;

	foreach(lc, inner->targetList)
	{
		TargetEntry *tle = lfirst(lc);

		if (!tle->resjunk && equal(tle->expr, expression))
			return (Node *) makeVar(varno, tle->resno, exprType(expression), exprTypmod(expression),
									exprCollation(expression), 0);
		/* the columns that can be seen come first */
		if (tle->resjunk)
			return NULL;
	}
	inner->targetList = lappend(inner->targetList, makeTargetEntry((Expr *) copyObject(expression), n,
																   psprintf("ehds value %d", n), false));
	rte->eref->colnames = lappend(rte->eref->colnames, makeString(psprintf("ehds value %d", n)));
	return (Node *) makeVar(varno, n, exprType(expression), exprTypmod(expression), exprCollation(expression),
							0);
}

static void
take_apart(Query *query, Node *node, Scaled *value)
{
	Numeric zero = int64_to_numeric(0);
	List *args = NIL;
	Node *expression;
	Query *inner = selection_of(query, node, &expression);
	char what;
	Numeric left;
	Numeric right;

	value->base = node;
	value->factor = int64_to_numeric(1);
	value->shift = zero;
	if (inner != NULL)
	{
		Scaled made;

		take_apart(inner, expression, &made);
		if (made.base == NULL || made.base == expression)
			return;
		*value = made;
		value->base = column_for(rt_fetch(ehds_column_of(query, node)->varno, query->rtable),
								 ehds_column_of(query, node)->varno, made.base);
		if (value->base == NULL)
			value->base = node, value->factor = int64_to_numeric(1), value->shift = zero;
		return;
	}
	right = constant_number(node);
	if (right != NULL)
	{
		value->base = NULL;
		value->shift = right;
		return;
	}
	what = arithmetic(called(node, &args));
	if (what == 'c')
		take_apart(query, linitial(args), value);
	if (what == 0 || what == 'c' || list_length(args) != 2)
		return;
	left = constant_number(linitial(args));
	right = constant_number(lsecond(args));
	if ((left == NULL) == (right == NULL) || (what == '/' && right == NULL) ||
		((what == '*' || what == '/') &&
		 DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(left ? left : right),
										   NumericGetDatum(zero))) == 0))
		return;
	take_apart(query, left == NULL ? linitial(args) : lsecond(args), value);
	switch (what)
	{
		case '+':
			value->shift = NUMERIC(numeric_add, value->shift, left ? left : right);
			break;
		case '-':
			value->shift = NUMERIC(numeric_sub, left ? left : value->shift, left ? value->shift : right);
			if (left)
				value->factor = NUMERIC(numeric_sub, zero, value->factor);
			break;
		case '*':
			value->shift = NUMERIC(numeric_mul, value->shift, left ? left : right);
			value->factor = NUMERIC(numeric_mul, value->factor, left ? left : right);
			break;
		default:
			value->shift = NUMERIC(numeric_div, value->shift, right);
			value->factor = NUMERIC(numeric_div, value->factor, right);
	}
}

static int
sign_of(Numeric number)
{
	return DatumGetInt32(
		DirectFunctionCall2(numeric_cmp, NumericGetDatum(number), NumericGetDatum(int64_to_numeric(0))));
}

static Node *
number_node(Numeric number, Oid type)
{
	char *text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));

	return ehds_parse_expression(
		psprintf("SELECT '%s'::pg_catalog.%s", text, type == FLOAT8OID ? "float8" : "numeric"));
}

/* Of a figure of a cell that is then hidden among totals no error may tell. */
static Node *
call(Oid function, Oid type, Node *one, Node *other)
{
	if (OidIsValid(ehds_total_version(function)))
		function = ehds_total_version(function);
	return (Node *) makeFuncExpr(function, type, other ? list_make2(one, other) : list_make1(one), InvalidOid,
								 InvalidOid, COERCE_EXPLICIT_CALL);
}

/* factor * figure + shift (times of, if that is given), as the type. */
static Node *
rescale(Node *figure, Numeric factor, Numeric shift, Node *of, Oid type)
{
	bool real = exprType(figure) == FLOAT8OID;
	Oid t = real ? FLOAT8OID : NUMERICOID;
	Numeric one = int64_to_numeric(1);

	if (exprType(figure) == INT8OID)
		figure = call(F_NUMERIC_INT8, NUMERICOID, figure, NULL);
	if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(factor), NumericGetDatum(one))) != 0)
		figure = call(real ? F_FLOAT8MUL : F_NUMERIC_MUL, t, figure, number_node(factor, t));
	if (sign_of(shift) != 0)
	{
		Node *all = number_node(shift, t);

		if (of != NULL)
			all = call(real ? F_FLOAT8MUL : F_NUMERIC_MUL, t, all,
					   call(real ? F_FLOAT8_INT8 : F_NUMERIC_INT8, t, of, NULL));
		figure = call(real ? F_FLOAT8PL : F_NUMERIC_ADD, t, figure, all);
	}
	if (type == INT8OID)
		return call(F_INT8_NUMERIC, INT8OID, figure, NULL);
	if (type == FLOAT8OID && !real)
		return call(F_FLOAT8_NUMERIC, FLOAT8OID, figure, NULL);
	if (type == NUMERICOID && real)
		return call(F_NUMERIC_FLOAT8, NUMERICOID, figure, NULL);
	return figure;
}

/* The native aggregate of this name over a value (NULL: rows), else as agg is written. */
static Aggref *
native_aggregate(Aggref *agg, const char *name, Node *value)
{
	Aggref *made;

	if (agg->aggkind != AGGKIND_NORMAL)
		made = (Aggref *) ehds_parse_expression(
			psprintf("SELECT pg_catalog.percentile_cont('0.5'::pg_catalog.float8) WITHIN GROUP (ORDER BY "
					 "NULL::pg_catalog.float8)"));
	else
		made = (Aggref *) ehds_parse_expression(
			value ? psprintf("SELECT pg_catalog.%s(NULL::%s)", name, ehds_type_name(exprType(value)))
				  : "SELECT pg_catalog.count(*)");
	if (agg->aggkind != AGGKIND_NORMAL)
	{
		made->aggdirectargs = copyObject(agg->aggdirectargs);
		made->aggorder = copyObject(agg->aggorder);
		made->args = copyObject(agg->args);
	}
	if (value)
		ehds_set_argument(made, 0, value);
	made->aggfilter = copyObject(agg->aggfilter);
	made->location = agg->location;
	return made;
}

static const char *const of_value[] = {"sum",      "avg",      "stddev",  "stddev_samp",    "stddev_pop",
									   "variance", "var_samp", "var_pop", "percentile_cont"};

Released *
ehds_scaled_aggregate(Border *b, Aggref *agg)
{
	char *name = get_func_name(agg->aggfnoid);
	Scaled value;
	Released *released;
	Numeric factor;
	Node *of = NULL;
	bool known = false;

	for (int i = 0; i < lengthof(of_value); i++)
		known = known || strcmp(name, of_value[i]) == 0;
	if (!known || get_func_namespace(agg->aggfnoid) != PG_CATALOG_NAMESPACE || agg->aggdistinct != NIL ||
		list_length(agg->args) != 1)
		return NULL;
	take_apart(b->query, ehds_argument(agg, 0), &value);
	if (value.base == ehds_argument(agg, 0))
		return NULL;
	factor = value.factor;
	if (value.base == NULL)
	{
		/* sum(1) */
		if (strcmp(name, "sum") != 0)
			return NULL;
		released = ehds_protected_aggregate(b, native_aggregate(agg, "count", NULL));
		released->value = ehds_null_if_none(copyObject(released->value),
											rescale(released->value, value.shift, int64_to_numeric(0), NULL,
													agg->aggtype));
		released->count = false;
		return released;
	}
	if (exprType(value.base) != INT2OID && exprType(value.base) != INT4OID && exprType(value.base) != INT8OID &&
		exprType(value.base) != FLOAT8OID && exprType(value.base) != NUMERICOID)
		return NULL;

	if (strcmp(name, "sum") == 0 && sign_of(value.shift) != 0)
	{
		/* then rows count, and it would have to be known which have a value */
		if (!ehds_is_never_null(b, value.base))
			return NULL;
		of = ehds_protected_aggregate(b, native_aggregate(agg, "count", NULL))->value;
	}
	if (agg->aggkind != AGGKIND_NORMAL && sign_of(factor) < 0)
		return NULL;
	released = ehds_protected_aggregate(b, native_aggregate(agg, name, value.base));
	if (strncmp(name, "std", 3) == 0 || strncmp(name, "var", 3) == 0)
	{
		value.shift = int64_to_numeric(0);
		factor = strncmp(name, "var", 3) == 0
					 ? NUMERIC(numeric_mul, factor, factor)
					 : DatumGetNumeric(DirectFunctionCall1(numeric_abs, NumericGetDatum(factor)));
	}
	released->value = rescale(released->value, factor, value.shift, of, agg->aggtype);
	return released;
}
