/*
 * aggregates.c
 *		Which protected aggregate stands for the one that the analyst wrote.
 */
#include "core/compat.h"

#include "catalog/pg_namespace.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "core/errors.h"
#include "gate/border.h"

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

/*
 * Is node a column as the permit's view has it? Values of the analyst's own, an
 * expression or a column of his table, would encode small groups in a sum.
 */
static bool
is_plain_column(Query *query, Node *node)
{
	Var *var = ehds_column_of(query, node);
	RangeTblEntry *rte;

	if (var == NULL || var->varattno <= 0)
		return false;
	rte = rt_fetch(var->varno, query->rtable);
	if (rte->rtekind != RTE_SUBQUERY)
		return false;
	if (ehds_permit_view(ehds_view_of_subquery(rte)) != NULL)
		return true;
	return is_plain_column(rte->subquery,
						   (Node *) get_tle_by_resno(rte->subquery->targetList, var->varattno)->expr);
}

/* The usable subject that node is, NULL if it is none. */
static Var *
usable_subject(Border *b, Node *node)
{
	Var *var = ehds_column_of(b->query, node);
	ListCell *lc;

	if (var == NULL)
		return NULL;
	foreach(lc, b->subjects)
	{
		Var *s = lfirst(lc);

		if (s->varno == var->varno && s->varattno == var->varattno)
			return s;
	}
	return NULL;
}

static Node *
argument(Aggref *agg, int n)
{
	return (Node *) ((TargetEntry *) list_nth(agg->args, n))->expr;
}

Node *
ehds_required_subject(Border *b, Aggref *agg)
{
	Var *s = usable_subject(b, argument(agg, 0));

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
	node = eval_const_expressions(NULL, copyObject(argument(agg, position)));
	if (!IsA(node, Const) || ((Const *) node)->constisnull || ((Const *) node)->consttype != INT4OID)
		EHDS_REFUSE(b->gate->query_string, agg, errmsg("k must be a constant in a query under a permit"));
	c = (Const *) node;
	if (DatumGetInt32(c->constvalue) < b->gate->k)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be at least %d under permit \"%s\"", b->gate->k, b->gate->permit->permit),
				 errhint("Leave k out to use the permit's.")));
	b->k = Max(b->k, DatumGetInt32(c->constvalue));
	return DatumGetInt32(c->constvalue);
}

void
ehds_set_argument(Aggref *agg, int n, Node *node)
{
	((TargetEntry *) list_nth(agg->args, n))->expr = (Expr *) node;
}

/*
 * The condition that stands inside the aggregate: count(x) counts where x is there,
 * sum(c::integer) and sum(CASE WHEN c THEN 1 ELSE 0 END) where c is true.  NULL if
 * there is none.
 */
static Node *
inner_condition(Aggref *agg)
{
	char *name = get_func_name(agg->aggfnoid);
	Node *value;
	CaseExpr *c;
	Const *one;
	Const *otherwise;

	if (get_func_namespace(agg->aggfnoid) != PG_CATALOG_NAMESPACE || agg->aggstar ||
		list_length(agg->args) != 1 || agg->aggdistinct != NIL)
		return NULL;
	value = argument(agg, 0);
	if (strcmp(name, "count") == 0)
	{
		NullTest *test = makeNode(NullTest);

		test->arg = (Expr *) copyObject(value);
		test->nulltesttype = IS_NOT_NULL;
		test->location = -1;
		return (Node *) test;
	}
	if (strcmp(name, "sum") != 0)
		return NULL;
	if (IsA(value, FuncExpr) && ((FuncExpr *) value)->funcid == F_INT4_BOOL)
		return (Node *) copyObject(linitial(((FuncExpr *) value)->args));
	if (!IsA(value, CaseExpr))
		return NULL;
	c = (CaseExpr *) value;
	if (c->arg != NULL || list_length(c->args) != 1)
		return NULL;
	one = (Const *) linitial_node(CaseWhen, c->args)->result;
	otherwise = (Const *) c->defresult;
	if (!IsA(one, Const) || one->consttype != INT4OID || one->constisnull ||
		DatumGetInt32(one->constvalue) != 1)
		return NULL;
	if (otherwise != NULL &&
		(!IsA(otherwise, Const) || (!otherwise->constisnull && DatumGetInt32(otherwise->constvalue) != 0)))
		return NULL;
	return copyObject((Node *) linitial_node(CaseWhen, c->args)->expr);
}

typedef enum
{
	K_MET,
	K_COUNT,
	K_ROWS,
	K_SUM,
	DP_COUNT,
	UNKNOWN
} Kind;

static Kind
kind_of(Border *b, Aggref *agg)
{
	char *name = get_func_name(agg->aggfnoid);
	Oid schema = get_func_namespace(agg->aggfnoid);

	if (schema == ehds_namespace())
	{
		if (strcmp(name, "k_met") == 0)
			return K_MET;
		if (strcmp(name, "k_count") == 0)
			return K_COUNT;
		if (strcmp(name, "k_rows") == 0)
			return K_ROWS;
		if (strcmp(name, "k_sum") == 0)
			return K_SUM;
		if (strcmp(name, "dp_count") == 0)
			return DP_COUNT;
		return UNKNOWN;
	}
	if (schema != PG_CATALOG_NAMESPACE)
		return UNKNOWN;
	if (strcmp(name, "count") == 0 && agg->aggstar)
		return K_ROWS;
	if (strcmp(name, "count") == 0 && agg->aggdistinct != NIL && usable_subject(b, argument(agg, 0)))
		return b->gate->permit->dp ? DP_COUNT : K_COUNT;
	if (inner_condition(agg) != NULL)
		return K_ROWS;
	if (strcmp(name, "sum") == 0 && agg->aggdistinct == NIL)
		return K_SUM;
	return UNKNOWN;
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
					errhint("Count persons with ehds.dp_count(person_id) or count(DISTINCT person_id)."));
	EHDS_REFUSE(b->gate->query_string, agg,
				errmsg("the aggregate %s is not answered under permit \"%s\"", name, b->gate->permit->permit),
				strncmp(name, "dp_", 3) == 0 ? errdetail("The permit has no privacy budget to charge.")
											 : errdetail("It could show a value of a single person."),
				errhint(
					"Use count(DISTINCT person_id), count(*), sum(column), or ehds.k_count, k_rows, k_sum, k_met."));
}

/* dp_count(subject) or its equal in plain SQL? */
bool
ehds_is_dp_count(Border *b, Aggref *agg)
{
	return kind_of(b, agg) == DP_COUNT;
}

/* An aggregate of ours over subject and value (NULL: none) with a threshold. */
static Aggref *
make_aggregate(const char *name, Node *subject, Node *value, int k)
{
	char *value_type = value ? psprintf(", NULL::%s", ehds_type_name(exprType(value))) : "";
	Aggref *made = (Aggref *) ehds_parse_expression(
		psprintf("SELECT ehds.%s(NULL::%s%s, %d)", name, ehds_type_name(exprType(subject)), value_type, k));

	ehds_set_argument(made, 0, subject);
	if (value)
		ehds_set_argument(made, 1, value);
	return made;
}

/* The value of a sum: a plain column, as one of the types that we have sums for. */
static Node *
summed_value(Border *b, Aggref *agg, Node *value)
{
	if (!is_plain_column(b->query, value))
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("under a statistics permit only plain columns are summed"),
					errdetail("An expression with few values would count a small group inside a large one."),
					errhint("Sum a column of the permit's view, and compute with the result."));
	ehds_require_harmless(value, b->gate->query_string, b->classify, b->context);
	if (exprType(value) == INT2OID)
		value = ehds_as_type(value, INT4OID);
	if (exprType(value) != INT4OID && exprType(value) != INT8OID && exprType(value) != FLOAT8OID &&
		exprType(value) != NUMERICOID)
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("sums of type %s are not supported under a permit",
						   format_type_be(exprType(value))));
	return value;
}

/* The protected aggregate for one that the analyst wrote, of the same type. */
Released *
ehds_protected_aggregate(Border *b, Aggref *agg)
{
	bool native = get_func_namespace(agg->aggfnoid) != ehds_namespace();
	Kind kind = kind_of(b, agg);
	Node *condition = kind == K_ROWS && native ? inner_condition(agg) : NULL;
	Released *released = palloc0(sizeof(Released));
	Node *subject;
	Aggref *made;
	Node *value = NULL;
	int k;

	if (b->gate->permit->cell_key)
		return ehds_cell_key_aggregate(b, agg);
	if (kind == UNKNOWN || kind == DP_COUNT || agg->aggorder != NIL || (agg->aggdistinct != NIL && !native))
		ehds_refuse_aggregate(b, agg);

	if (b->multiplied && (kind == K_ROWS || kind == K_SUM))
		EHDS_REFUSE(
			b->gate->query_string, agg,
			errmsg("rows are not counted or summed after a join that may repeat them"),
			errdetail(
				"A public table is joined otherwise than by equality with a unique key, so a few rows could be made to count many times."),
			errhint(
				"Count persons with count(DISTINCT person_id), or join the public table by its primary key."));
	if (native && kind != K_COUNT)
		subject = (Node *) copyObject(linitial(b->subjects));
	else
		subject = ehds_required_subject(b, agg);
	k = native ? b->gate->k : required_k(b, agg, kind == K_SUM ? 2 : 1);
	subject = ehds_as_type(subject, ehds_subject_argument_type(exprType(subject)));

	if (kind == K_SUM)
		value = summed_value(b, agg, argument(agg, native ? 0 : 1));
	made = make_aggregate(kind == K_MET     ? "k_met"
						  : kind == K_COUNT ? "k_count"
						  : kind == K_ROWS  ? "k_rows"
											: "k_sum",
						  subject, value, k);
	/* another width or representation in its place would be read as garbage */
	if (exprType((Node *) made) != exprType((Node *) agg) ||
		exprCollation((Node *) made) != exprCollation((Node *) agg))
		elog(ERROR, "protected aggregate has type %u instead of %u", exprType((Node *) made),
			 exprType((Node *) agg));

	/* all rows of persons have a subject */
	if (condition != NULL && IsA(condition, NullTest) &&
		usable_subject(b, (Node *) ((NullTest *) condition)->arg) != NULL)
		condition = NULL;
	if (agg->aggfilter != NULL)
		condition = condition == NULL
						? (Node *) agg->aggfilter
						: (Node *) makeBoolExpr(AND_EXPR, list_make2(condition, agg->aggfilter), -1);
	released->value = condition == NULL
						  ? (Node *) made
						  : ehds_filtered(b, agg, made, condition, kind == K_ROWS || kind == K_SUM);
	released->figure = true;
	released->count = kind == K_COUNT || kind == K_ROWS;
	released->own_rule = (kind != K_COUNT && kind != K_MET) || condition != NULL;
	return released;
}
