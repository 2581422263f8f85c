/*
 * aggregates.c
 *		Which protected aggregate stands for the one that the analyst wrote.
 */
#include "core/compat.h"

#include "catalog/pg_aggregate.h"
#include "catalog/pg_namespace.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "core/errors.h"
#include "gate/allowed.h"
#include "gate/border.h"
#include "gate/level.h"
#include "kanon/kanon.h"

/* The overload of our aggregates that takes a subject of this type. */
Oid
ehds_subject_argument_type(Oid type)
{
	return type == VARCHAROID || type == BPCHAROID ? TEXTOID : type;
}

Node *
ehds_as_type(Node *node, Oid type)
{
	Oid from = exprType(node);

	if (from == type)
		return node;
	if (type == TEXTOID && from == VARCHAROID)
		return (Node *) makeRelabelType((Expr *) node, TEXTOID, -1, exprCollation(node), COERCE_IMPLICIT_CAST);
	if (type == TEXTOID && from == BPCHAROID)
		return (Node *) makeFuncExpr(F_TEXT_BPCHAR, TEXTOID, list_make1(node), exprCollation(node),
									 exprCollation(node), COERCE_IMPLICIT_CAST);
	if (type == INT4OID && from == INT2OID)
		return (Node *) makeFuncExpr(F_INT4_INT2, INT4OID, list_make1(node), InvalidOid, InvalidOid,
									 COERCE_IMPLICIT_CAST);
	elog(ERROR, "cannot use type %u as %u", from, type);
	return NULL;
}

Node *
ehds_argument(Aggref *agg, int n)
{
	return (Node *) ((TargetEntry *) list_nth(agg->args, n))->expr;
}

Node *
ehds_required_subject(Border *b, Aggref *agg)
{
	Var *s = ehds_usable_subject(b, ehds_argument(agg, 0));

	if (s == NULL)
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("the first argument of the aggregate must be the subject column"),
					errdetail("After a LEFT JOIN it is the subject column of the table whose rows are kept."),
					errhint("Write for example ehds.k_count(person_id)."));
	return (Node *) copyObject(s);
}

/* k of a protected aggregate: the permit's, or a stricter constant. */
static int
required_k(Border *b, Aggref *agg, int position)
{
	Node *node;
	Const *c;

	if (list_length(agg->args) <= position)
		return b->gate->k;
	node = eval_const_expressions(NULL, copyObject(ehds_argument(agg, position)));
	if (!IsA(node, Const) || ((Const *) node)->constisnull || ((Const *) node)->consttype != INT4OID)
		EHDS_REFUSE(b->gate->query_string, agg, errmsg("k must be a constant in a query under a permit"));
	c = (Const *) node;
	if (DatumGetInt32(c->constvalue) < b->gate->k)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be at least %d under permit \"%s\"", b->gate->k, b->gate->permit->permit),
				 errhint("Leave k out to use the permit's.")));
	/* raised at the first person, an error would tell that there is one */
	(void) ehds_k_effective(DatumGetInt32(c->constvalue));
	b->k = Max(b->k, DatumGetInt32(c->constvalue));
	return DatumGetInt32(c->constvalue);
}

void
ehds_set_argument(Aggref *agg, int n, Node *node)
{
	((TargetEntry *) list_nth(agg->args, n))->expr = (Expr *) node;
}

typedef enum
{
	K_MET,
	K_COUNT,
	K_ROWS,
	K_VALUE,      /* of values of a column */
	K_PERCENTILE, /* and of a fraction */
	K_SHARE,      /* of the rows that fulfil a condition */
	UNKNOWN
} Kind;

/* What we have, and for which native aggregate it stands. */
static const struct
{
	const char *name;
	const char *native[2];
	Kind kind;
	bool additive;  /* the figures of parts give that of the whole, or its sum */
	bool of_rows;   /* it matters how often a row is repeated */
	bool with_rows; /* tells the number of rows */
} known[] = {
	{"k_met", {NULL}, K_MET, false, false, false},
	{"k_count", {NULL}, K_COUNT, false, false, false},
	{"k_rows", {NULL}, K_ROWS, true, true, false},
	{"k_sum", {"sum"}, K_VALUE, true, true, false},
	{"k_avg", {"avg"}, K_VALUE, true, true, true},
	{"k_stddev", {"stddev", "stddev_samp"}, K_VALUE, true, true, true},
	{"k_variance", {"variance", "var_samp"}, K_VALUE, true, true, true},
	{"k_variance_pop", {"var_pop"}, K_VALUE, true, true, true},
	{"k_stddev_pop", {"stddev_pop"}, K_VALUE, true, true, true},
	{"k_min", {NULL}, K_VALUE, false, false, false},
	{"k_max", {NULL}, K_VALUE, false, false, false},
	{"k_median", {NULL}, K_VALUE, false, true, true},
	{"k_percentile", {"percentile_cont"}, K_PERCENTILE, false, true, true},
};

/* Its position in that list; *kind says more where the list does not suffice. */
static int
find_known(Border *b, Aggref *agg, Kind *kind)
{
	char *name = get_func_name(agg->aggfnoid);
	Oid schema = get_func_namespace(agg->aggfnoid);
	bool share;
	const char *ours = NULL;

	*kind = UNKNOWN;
	if (schema == ehds_namespace())
		ours = name;
	else if (schema != PG_CATALOG_NAMESPACE)
		return -1;
	else if (strcmp(name, "count") == 0 && agg->aggstar)
		ours = "k_rows";
	else if (strcmp(name, "count") == 0 && agg->aggdistinct != NIL &&
			 ehds_subject_of(b->level, ehds_argument(agg, 0)) != 0)
		ours = "k_count";
	else if (ehds_inner_condition(agg, &share) != NULL)
	{
		if (share)
			*kind = K_SHARE;
		ours = "k_rows";
	}

	for (int i = 0; i < lengthof(known); i++)
	{
		bool found = ours != NULL && strcmp(ours, known[i].name) == 0;

		for (int n = 0; ours == NULL && agg->aggdistinct == NIL && n < lengthof(known[i].native); n++)
			found = found || (known[i].native[n] != NULL && strcmp(name, known[i].native[n]) == 0);
		if (!found)
			continue;
		if (*kind == UNKNOWN)
			*kind = known[i].kind;
		return i;
	}
	return -1;
}

void
ehds_refuse_aggregate(Border *b, Aggref *agg)
{
	char *name = get_func_name(agg->aggfnoid);

	if (b->gate->permit->dp)
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("the aggregate %s is not answered under permit \"%s\"", name,
						   b->gate->permit->permit),
					errdetail("This permit has a privacy budget: its answers are differentially private."),
					errhint(
						"Use count(DISTINCT person_id), count(*), sum, avg, variance, stddev or percentile_cont of a column, or the dp_ aggregates of schema ehds."));
	if (strcmp(name, "min") == 0 || strcmp(name, "max") == 0)
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("the aggregate %s is not answered under permit \"%s\"", name,
						   b->gate->permit->permit),
					errdetail("It is the value of a single person."),
					errhint("Use ehds.k_%s(person_id, column), %s which at least %d persons have a value.",
							name,
							name[1] == 'i' ? "the smallest value at or below" : "the largest value at or above",
							b->gate->k));
	if (strcmp(name, "percentile_disc") == 0)
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("the aggregate %s is not answered under permit \"%s\"", name,
						   b->gate->permit->permit),
					errdetail("It is the value of a single person."),
					errhint("Use percentile_cont(fraction) WITHIN GROUP (ORDER BY column)."));
	if (strcmp(name, "count") == 0 && agg->aggdistinct != NIL)
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("count(DISTINCT ...) of another column than the subject is not answered under permit \"%s\"",
						   b->gate->permit->permit),
					errdetail("A value that few persons have would count like any other."),
					errhint("Count the values that at least %d persons have: SELECT count(*) FROM (SELECT column FROM ... GROUP BY column) s. Count stays, acts and other rows with count(*).",
							b->gate->k));
	EHDS_REFUSE(b->gate->query_string, agg,
				errmsg("the aggregate %s is not answered under permit \"%s\"", name, b->gate->permit->permit),
				strncmp(name, "dp_", 3) == 0 ? errdetail("The permit has no privacy budget to charge.")
											 : errdetail("It could show a value of a single person."),
				errhint(
					"Use count(DISTINCT person_id), count(*), sum, avg, stddev or variance of a column, percentile_cont, corr and its like, or the k_ aggregates of schema ehds."));
}

/* A constant fraction of a percentile; an error that only rows raise would tell of them. */
double
ehds_constant_fraction(Border *b, Aggref *agg, Node *node)
{
	Const *c;

	node = eval_const_expressions(NULL, copyObject(node));
	c = (Const *) node;
	if (!IsA(node, Const) || c->constisnull || c->consttype != FLOAT8OID ||
		!(DatumGetFloat8(c->constvalue) >= 0 && DatumGetFloat8(c->constvalue) <= 1))
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("the fraction of a percentile must be a constant between 0 and 1 under a permit"),
					errhint("Ask for several percentiles in several columns."));
	return DatumGetFloat8(c->constvalue);
}

/* The fraction of percentile_cont, counted from the smallest value. */
double
ehds_native_fraction(Border *b, Aggref *agg)
{
	double fraction = ehds_constant_fraction(b, agg, linitial(agg->aggdirectargs));
	SortGroupClause *order = linitial_node(SortGroupClause, agg->aggorder);
	bool ascending;

	if (!ehds_ordering_direction(order->sortop, &ascending))
		ehds_refuse_aggregate(b, agg);
	return ascending ? fraction : 1 - fraction;
}

/* percentile_cont computes in double precision, which we do from the value as it is. */
Node *
ehds_value_before_cast(Node *value)
{
	Oid function = IsA(value, FuncExpr) ? ehds_native_version(((FuncExpr *) value)->funcid) : InvalidOid;

	if (function == F_FLOAT8_NUMERIC || function == F_FLOAT8_INT2 || function == F_FLOAT8_INT4 ||
		function == F_FLOAT8_INT8)
		return linitial(((FuncExpr *) value)->args);
	return value;
}

/* What an aggregate takes: a plain column, as one of the types that we have it for. */
Node *
ehds_plain_value(Border *b, Aggref *agg, Node *value)
{
	if (ehds_is_difference(b->query, value))
	{
		if (agg->aggfilter != NULL)
			EHDS_REFUSE(b->gate->query_string, agg,
						errmsg("%s of two columns takes no FILTER under a statistics permit",
							   get_func_name(agg->aggfnoid)),
						errhint("Write the condition into WHERE."));
		b->alone = agg;
	}
	else if (!ehds_is_plain_column(b->query, value))
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("under a statistics permit %s takes plain columns only",
						   get_func_name(agg->aggfnoid)),
					errdetail("An expression with few values would count a small group inside a large one."),
					errhint("Use a column of the permit's view, and compute with the result."));
	ehds_require_harmless_in(b->level, value);
	if (exprType(value) == INT2OID)
		value = ehds_as_type(value, INT4OID);
	if (exprType(value) != INT4OID && exprType(value) != INT8OID && exprType(value) != FLOAT8OID &&
		exprType(value) != NUMERICOID)
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("%s of type %s is not supported under a permit", get_func_name(agg->aggfnoid),
						   format_type_be(exprType(value))));
	return value;
}

/* An aggregate of ours over subject, value (NULL: none) and fraction (below 0: none). */
Aggref *
ehds_make_aggregate(const char *name, Node *subject, Node *value, double fraction, int k)
{
	char *of_value = value ? psprintf(", NULL::%s", ehds_type_name(exprType(value))) : "";
	char *of_fraction = fraction >= 0 ? psprintf(", '%.17g'::pg_catalog.float8", fraction) : "";
	Aggref *made = (Aggref *) ehds_parse_expression(psprintf("SELECT ehds.%s(NULL::%s%s%s, %d)", name,
															 ehds_type_name(exprType(subject)), of_value,
															 of_fraction, k));

	ehds_set_argument(made, 0, subject);
	if (value)
		ehds_set_argument(made, 1, value);
	return made;
}

static Node *
as_numeric(Node *count)
{
	return (Node *) makeFuncExpr(F_NUMERIC_INT8, NUMERICOID, list_make1(count), InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CALL);
}

/*
 * Rows under a condition, as an average of ones and zeros has them.  All rows may
 * be 0, of nobody or by rounding, and division must not tell so by an error.
 */
static Node *
share_of(Node *part, Node *all)
{
	OpExpr *quotient = (OpExpr *) ehds_parse_expression(
		"SELECT NULL::pg_catalog.numeric OPERATOR(pg_catalog./) NULL::pg_catalog.numeric");
	OpExpr *some = (OpExpr *) ehds_parse_expression(
		"SELECT NULL::pg_catalog.int8 OPERATOR(pg_catalog.<>) '0'::pg_catalog.int8");

	linitial(some->args) = all;
	linitial(quotient->args) = as_numeric(part);
	lsecond(quotient->args) = ehds_if_else((Node *) some, as_numeric(copyObject(all)),
										   (Node *) makeNullConst(NUMERICOID, -1, InvalidOid));
	return (Node *) quotient;
}

/*
 * The digits of an average tell of how many rows it is, and so does a sum beside
 * it; where between two rows a percentile lies tells it too.  So they are shown
 * where that number of rows is.
 */
static Node *
with_rows(Border *b, Aggref *agg, Aggref *made, Node *value, Node *condition, bool additive, int k)
{
	bool explicit = condition != NULL;
	Node *rows = (Node *) ehds_make_aggregate("k_rows", copyObject(ehds_argument(made, 0)), NULL, -1, k);
	Node *figure = (Node *) made;
	NullTest *test = makeNode(NullTest);

	if (!ehds_is_never_null(b, value))
	{
		NullTest *has_value = makeNode(NullTest);

		has_value->arg = (Expr *) copyObject(value);
		has_value->nulltesttype = IS_NOT_NULL;
		has_value->location = -1;
		condition = condition == NULL ? (Node *) has_value
									  : (Node *) makeBoolExpr(AND_EXPR, list_make2(condition, has_value), -1);
	}
	if (condition != NULL)
	{
		rows = ehds_filtered(b, agg, (Aggref *) rows, condition, true, explicit);
		figure = ehds_filtered(b, agg, made, condition, additive, explicit);
	}
	test->arg = (Expr *) rows;
	test->nulltesttype = IS_NOT_NULL;
	test->location = -1;
	return ehds_if_else((Node *) test, figure,
						(Node *) makeNullConst(exprType(figure), -1, exprCollation(figure)));
}

/*
 * Where a column is 1 or NULL its sum is the number of rows with a value, so that it
 * says beside all rows how many have none.  This is the same sum with zeros for
 * NULLs, whose rules count these as a value; NULL if made is no such sum.
 */
Aggref *
ehds_sum_with_zeros(Border *b, Aggref *made)
{
	Node *value;
	Aggref *result;
	CoalesceExpr *zero_for_null;

	if (strcmp(get_func_name(made->aggfnoid), "k_sum") != 0)
		return NULL;
	value = ehds_argument(made, 1);
	if (ehds_is_never_null(b, value))
		return NULL;
	zero_for_null = (CoalesceExpr *) ehds_parse_expression(psprintf("SELECT COALESCE(NULL::%s, '0'::%s)",
																	ehds_type_name(exprType(value)),
																	ehds_type_name(exprType(value))));
	linitial(zero_for_null->args) = copyObject(value);
	result = copyObject(made);
	ehds_set_argument(result, 1, (Node *) zero_for_null);
	return result;
}

/* The aggregate, where the same sum with zeros for NULLs is shown too. */
static Node *
shown_with_zeros(Border *b, Aggref *made)
{
	NullTest *test = makeNode(NullTest);

	test->arg = (Expr *) ehds_sum_with_zeros(b, made);
	if (test->arg == NULL)
		return (Node *) made;
	test->nulltesttype = IS_NOT_NULL;
	test->location = -1;
	return ehds_if_else((Node *) test, (Node *) made,
						(Node *) makeNullConst(exprType((Node *) made), -1, InvalidOid));
}

static void
require_same_type(Node *made, Aggref *agg)
{
	/* another width or representation in its place would be read as garbage */
	if (exprType(made) != exprType((Node *) agg) || exprCollation(made) != exprCollation((Node *) agg))
		elog(ERROR, "protected aggregate has type %u instead of %u", exprType(made), exprType((Node *) agg));
}

void
ehds_require_single_rows(Border *b, Aggref *agg)
{
	if (b->multiplied)
		EHDS_REFUSE(
			b->gate->query_string, agg,
			errmsg("rows are not counted or summed after a join that may repeat them"),
			errdetail(
				"A public table is joined otherwise than by equality with a unique key, so a few rows could be made to count many times."),
			errhint(
				"Count persons with count(DISTINCT person_id), or join the public table by its primary key."));
}

Node *
ehds_null_if_none(Node *rows, Node *value)
{
	OpExpr *none = (OpExpr *) ehds_parse_expression(
		"SELECT NULL::pg_catalog.int8 OPERATOR(pg_catalog.=) '0'::pg_catalog.int8");

	linitial(none->args) = rows;
	return ehds_if_else((Node *) none, (Node *) makeNullConst(exprType(value), -1, InvalidOid), value);
}

/* The subject of a table that an outer join adds is that of the kept table, or NULL. */
static Node *
has_value(Node *value)
{
	NullTest *test = makeNode(NullTest);

	test->arg = (Expr *) copyObject(value);
	test->nulltesttype = IS_NOT_NULL;
	test->location = -1;
	return (Node *) test;
}

/* The protected aggregate for one that the analyst wrote, of the same type. */
Released *
ehds_protected_aggregate(Border *b, Aggref *agg)
{
	bool native = get_func_namespace(agg->aggfnoid) != ehds_namespace();
	bool share;
	Kind kind;
	int which;
	Node *condition;
	Released *released = palloc0(sizeof(Released));
	double fraction = -1;
	Node *subject;
	Aggref *made;
	Node *value = NULL;
	int k;

	if (b->gate->permit->cell_key)
		return ehds_cell_key_aggregate(b, agg);
	agg = ehds_flag_as_condition(b, agg);
	if (native)
	{
		Released *scaled = ehds_scaled_aggregate(b, agg);

		if (scaled != NULL)
			return scaled;
	}
	which = find_known(b, agg, &kind);
	condition = native ? ehds_inner_condition(agg, &share) : NULL;
	if (which < 0 && native)
	{
		released = ehds_pair_aggregate(b, agg);
		if (released != NULL)
			return released;
		released = palloc0(sizeof(Released));
	}
	if (which < 0 || (agg->aggorder != NIL && agg->aggkind == AGGKIND_NORMAL) ||
		(agg->aggdistinct != NIL && !native))
		ehds_refuse_aggregate(b, agg);

	if (known[which].of_rows)
		ehds_require_single_rows(b, agg);
	if (native && kind == K_COUNT && ehds_usable_subject(b, ehds_argument(agg, 0)) == NULL)
		condition = has_value(ehds_argument(agg, 0));
	if (native && (kind != K_COUNT || condition != NULL))
		subject = (Node *) copyObject(linitial(b->subjects));
	else
		subject = ehds_required_subject(b, agg);
	k = native ? b->gate->k : required_k(b, agg, kind == K_PERCENTILE ? 3 : kind == K_VALUE ? 2 : 1);

	/*
	 * A stricter k hides cells.  The rules on values stay with the permit's: asked
	 * with one k after the other, they would tell how many persons have a total
	 * of zero, or the fewest rows.
	 */
	if (known[which].of_rows)
		k = b->gate->k;
	subject = ehds_as_type(subject, ehds_subject_argument_type(exprType(subject)));

	if (kind == K_PERCENTILE)
		fraction = native ? ehds_native_fraction(b, agg)
						  : ehds_constant_fraction(b, agg, ehds_argument(agg, 2));
	if (kind == K_VALUE || kind == K_PERCENTILE)
	{
		value = ehds_argument(agg, native ? 0 : 1);
		if (native && kind == K_PERCENTILE)
			value = ehds_value_before_cast(value);
		value = ehds_plain_value(b, agg, value);
		if (known[which].additive)
			b->summed = lappend(b->summed, copyObject(value));
	}
	made = ehds_make_aggregate(known[which].name, subject, value, fraction, k);
	if (kind != K_SHARE)
		require_same_type((Node *) made, agg);

	/* all rows of persons have a subject */
	if (condition != NULL && IsA(condition, NullTest) &&
		((NullTest *) condition)->nulltesttype == IS_NOT_NULL &&
		ehds_usable_subject(b, (Node *) ((NullTest *) condition)->arg) != NULL)
		condition = NULL;
	if (agg->aggfilter != NULL)
		condition = condition == NULL
						? (Node *) agg->aggfilter
						: (Node *) makeBoolExpr(AND_EXPR, list_make2(condition, agg->aggfilter), -1);
	if (known[which].with_rows)
		released->value = with_rows(b, agg, made, value, condition, known[which].additive, k);
	else if (condition != NULL)
		released->value = ehds_filtered(b, agg, made, condition, known[which].additive, true);
	else
		released->value = shown_with_zeros(b, made);
	if (condition == NULL && known[which].additive && value != NULL)
		released->value = ehds_beside_filters(b, made, released->value);
	/* a sum over no row is NULL, a number of rows is 0 */
	if (kind == K_ROWS && native && agg->aggfilter == NULL && strcmp(get_func_name(agg->aggfnoid), "sum") == 0)
		released->value = ehds_null_if_none((Node *) copyObject(made), released->value);
	if (kind == K_SHARE)
	{
		Node *all = agg->aggfilter == NULL
						? (Node *) copyObject(made)
						: ehds_filtered(b, agg, copyObject(made), (Node *) agg->aggfilter, true, true);

		released->value = share_of(released->value, all);
		require_same_type(released->value, agg);
	}
	released->figure = true;
	released->count = kind == K_COUNT || kind == K_ROWS;
	released->own_rule = (kind != K_COUNT && kind != K_MET) || condition != NULL;
	released->linked = known[which].of_rows;
	released->with_rows = known[which].with_rows;
	if (known[which].additive)
		released->column = copyObject(value);
	return released;
}
