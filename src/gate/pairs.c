/*
 * pairs.c
 *		Aggregates of two columns in a release under k-anonymity: corr, covar_*,
 *		regr_*.
 *
 * All of them come from the number of pairs and five sums: of each column, of
 * each square, and of the product.  Whoever has the figures can work out the sums,
 * so a figure is shown where each of the sums is, and both variances, as if the
 * analyst had asked for them over the rows in which both columns have a value.
 *
 * Beside a FILTER, whose parts are looked at column by column, and in totals they
 * are refused.
 */
#include "core/compat.h"

#include "catalog/pg_namespace.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"

#include "core/errors.h"
#include "gate/border.h"
#include "kanon/kanon.h"

#define REGR_COUNT (-1)

static const struct
{
	const char *name;
	int figure;
} known[] = {
	{"corr", EHDS_PAIR_CORR},
	{"covar_pop", EHDS_PAIR_COVAR_POP},
	{"covar_samp", EHDS_PAIR_COVAR_SAMP},
	{"regr_avgx", EHDS_PAIR_AVGX},
	{"regr_avgy", EHDS_PAIR_AVGY},
	{"regr_count", REGR_COUNT},
	{"regr_intercept", EHDS_PAIR_INTERCEPT},
	{"regr_r2", EHDS_PAIR_R2},
	{"regr_slope", EHDS_PAIR_SLOPE},
	{"regr_sxx", EHDS_PAIR_SXX},
	{"regr_sxy", EHDS_PAIR_SXY},
	{"regr_syy", EHDS_PAIR_SYY},
};

static Node *
as_numeric(Node *value)
{
	Oid cast;

	switch (exprType(value))
	{
		case NUMERICOID:
			return value;
		case INT4OID:
			cast = F_NUMERIC_INT4;
			break;
		case INT8OID:
			cast = F_NUMERIC_INT8;
			break;
		default:
			cast = F_NUMERIC_FLOAT8;
	}
	return (Node *) makeFuncExpr(cast, NUMERICOID, list_make1(value), InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CALL);
}

static Node *
product(Node *one, Node *other)
{
	FuncExpr *f = (FuncExpr *) ehds_parse_expression(
		"SELECT ehds.pair_product(NULL::pg_catalog.numeric, NULL::pg_catalog.numeric)");

	f->args = list_make2(as_numeric(copyObject(one)), as_numeric(copyObject(other)));
	return (Node *) f;
}

static Node *
is_not_null(Node *value)
{
	NullTest *test = makeNode(NullTest);

	test->arg = (Expr *) value;
	test->nulltesttype = IS_NOT_NULL;
	test->location = -1;
	return (Node *) test;
}

typedef struct Pair
{
	Border *b;
	Aggref *agg;
	Node *subject;
	Node *condition; /* that both columns have a value, NULL if they always do */
} Pair;

/* One of our aggregates, of value or of rows, over the pairs. */
static Node *
over_pairs(Pair *p, const char *name, Node *value)
{
	Aggref *made = ehds_make_aggregate(name, copyObject(p->subject), value ? copyObject(value) : NULL, -1,
									   p->b->gate->k);

	return p->condition == NULL ? (Node *) made
								: ehds_filtered(p->b, p->agg, made, copyObject(p->condition), true, false);
}

static Node *
has_value(Border *b, Node *value, Node *condition)
{
	if (ehds_is_never_null(b, value))
		return condition;
	return condition == NULL
			   ? is_not_null(copyObject(value))
			   : (Node *) makeBoolExpr(AND_EXPR, list_make2(condition, is_not_null(copyObject(value))), -1);
}

Released *
ehds_pair_aggregate(Border *b, Aggref *agg)
{
	Released *released;
	Pair pair = {b, agg, NULL, NULL};
	char *name = get_func_name(agg->aggfnoid);
	int which = -1;
	Node *y;
	Node *x;
	Node *subject;
	Node *varied;
	FuncExpr *figure;

	if (get_func_namespace(agg->aggfnoid) != PG_CATALOG_NAMESPACE || list_length(agg->args) != 2)
		return NULL;
	for (int i = 0; i < lengthof(known); i++)
		if (strcmp(name, known[i].name) == 0)
			which = i;
	if (which < 0)
		return NULL;
	if (agg->aggfilter != NULL || agg->aggdistinct != NIL || agg->aggorder != NIL)
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("%s takes neither FILTER nor DISTINCT under a statistics permit", name),
					errhint("Write the condition into WHERE."));
	ehds_require_single_rows(b, agg);

	y = ehds_plain_value(b, agg, ehds_value_before_cast(ehds_argument(agg, 0)));
	x = ehds_plain_value(b, agg, ehds_value_before_cast(ehds_argument(agg, 1)));
	subject = (Node *) copyObject(linitial(b->subjects));
	pair.subject = ehds_as_type(subject, ehds_subject_argument_type(exprType(subject)));
	pair.condition = has_value(b, x, has_value(b, y, NULL));
	b->alone = agg;
	/* a correlation is no sum */
	if (known[which].figure != EHDS_PAIR_CORR && known[which].figure != EHDS_PAIR_R2 &&
		known[which].figure != REGR_COUNT)
		b->summed = list_concat(b->summed, list_make2(copyObject(y), copyObject(x)));

	released = palloc0(sizeof(Released));
	released->figure = released->own_rule = released->linked = released->with_rows = true;
	released->value = over_pairs(&pair, "k_rows", NULL);
	if (known[which].figure == REGR_COUNT)
	{
		released->count = true;
		return released;
	}

	figure = (FuncExpr *) ehds_parse_expression(
		psprintf("SELECT ehds.pair_figure(%d, NULL::pg_catalog.int8, NULL::pg_catalog.numeric, NULL::pg_catalog.numeric, "
				 "NULL::pg_catalog.numeric, NULL::pg_catalog.numeric, NULL::pg_catalog.numeric)",
				 known[which].figure));
	figure->args = list_make5(linitial(figure->args), released->value,
							  over_pairs(&pair, "k_sum", as_numeric(copyObject(y))),
							  over_pairs(&pair, "k_sum", as_numeric(copyObject(x))),
							  over_pairs(&pair, "k_sum", product(y, y)));
	figure->args = lappend(figure->args, over_pairs(&pair, "k_sum", product(x, x)));
	figure->args = lappend(figure->args, over_pairs(&pair, "k_sum", product(x, y)));
	varied = (Node *) makeBoolExpr(AND_EXPR,
								   list_make2(is_not_null(over_pairs(&pair, "k_variance", y)),
											  is_not_null(over_pairs(&pair, "k_variance", x))),
								   -1);
	released->value = ehds_if_else(varied, (Node *) figure, (Node *) makeNullConst(FLOAT8OID, -1, InvalidOid));
	return released;
}

/*
 * Sums over two columns less sums over a part of their rows would be a few persons'
 * that is looked at nowhere: the parts are looked at column by column.
 */
void
ehds_require_alone(Border *b)
{
	if (b->alone == NULL)
		return;
	if (b->chosen_conditions)
		EHDS_REFUSE(b->gate->query_string, b->alone,
					errmsg("%s of two columns does not stand beside FILTER, CASE or count(column) under a statistics permit",
						   get_func_name(b->alone->aggfnoid)),
					errhint("Ask for it in a query of its own."));
	if (b->query->groupingSets != NIL)
		EHDS_REFUSE(b->gate->query_string, b->alone,
					errmsg("%s of two columns does not stand beside totals (GROUPING SETS, ROLLUP, CUBE) under a statistics permit",
						   get_func_name(b->alone->aggfnoid)),
					errhint("Run one query for each grouping."));
	if (b->keys != NIL && ehds_suppressed_effective() == EHDS_SUPPRESSED_OTHER)
		EHDS_REFUSE(b->gate->query_string, b->alone,
					errmsg("%s of two columns does not stand in a row of others under a statistics permit",
						   get_func_name(b->alone->aggfnoid)),
					errhint("SET ehds.suppressed = omit."));
}
