/*
 * per_person.c
 *		Aggregates within a person: GROUP BY that contains the subject.
 *
 * What comes out are rows of persons again. The aggregates must not raise, since
 * only the rows of a certain person would make them, and must not depend on the
 * order of rows, which another person's rows may change.
 */
#include "core/compat.h"

#include "catalog/pg_aggregate.h"
#include "catalog/pg_namespace.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_agg.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "core/errors.h"
#include "gate/border.h"
#include "gate/level.h"

typedef enum
{
	COUNT,
	SUM,
	EXTREME,
	LOGIC,
	PERCENTILE
} Kind;

static const struct
{
	const char *name;
	Kind kind;
} known[] = {
	{"count", COUNT},
	{"sum", SUM},
	{"avg", SUM},
	{"stddev", SUM},
	{"stddev_samp", SUM},
	{"stddev_pop", SUM},
	{"variance", SUM},
	{"var_samp", SUM},
	{"var_pop", SUM},
	{"min", EXTREME},
	{"max", EXTREME},
	{"bool_and", LOGIC},
	{"bool_or", LOGIC},
	{"every", LOGIC},
	{"percentile_cont", PERCENTILE},
	{"percentile_disc", PERCENTILE},
};

static void
refuse_aggregate(Level *level, Aggref *agg)
{
	EHDS_REFUSE(level->gate->query_string, agg,
				errmsg("the aggregate %s is not allowed within a person", get_func_name(agg->aggfnoid)),
				errdetail("It could fail, or depend on the order of rows."),
				errhint(
					"Use count, sum, avg, min, max, stddev, variance, bool_and, bool_or or percentile_cont."));
}

/*
 * A value that sums of any number of rows can hold: NULL for one that is so large
 * that only an error would be left of the sum.
 */
static Node *
as_addend(Node *value)
{
	FuncExpr *addend = (FuncExpr *) ehds_parse_expression(
		psprintf("SELECT ehds.addend(NULL::%s)", ehds_type_name(exprType(value))));

	linitial(addend->args) = value;
	return (Node *) addend;
}

static void
check_ordered_set(Level *level, Aggref *agg)
{
	Node *fraction = eval_const_expressions(NULL, copyObject(linitial(agg->aggdirectargs)));
	SortGroupClause *order = linitial_node(SortGroupClause, agg->aggorder);
	Node *value = (Node *) linitial_node(TargetEntry, agg->args)->expr;
	bool ascending;

	if (!IsA(fraction, Const) || exprType(fraction) != FLOAT8OID ||
		(!((Const *) fraction)->constisnull && !(DatumGetFloat8(((Const *) fraction)->constvalue) >= 0 &&
												 DatumGetFloat8(((Const *) fraction)->constvalue) <= 1)))
		EHDS_REFUSE(level->gate->query_string, agg,
					errmsg("the fraction of a percentile must be a constant between 0 and 1 under a permit"));
	if (agg->aggdistinct != NIL || list_length(agg->args) != 1 ||
		!ehds_ordering_direction(order->sortop, &ascending) ||
		(exprType(value) != FLOAT8OID && strcmp(get_func_name(agg->aggfnoid), "percentile_cont") == 0))
		refuse_aggregate(level, agg);
	if (exprType(value) != FLOAT8OID)
		ehds_require_key_type(level, value);
	ehds_require_harmless_in(level, value);
}

void
ehds_check_person_aggregate(Level *level, Aggref *agg)
{
	char *name = get_func_name(agg->aggfnoid);
	TargetEntry *argument = agg->args == NIL ? NULL : linitial_node(TargetEntry, agg->args);
	Node *value = argument ? (Node *) argument->expr : NULL;
	Oid type = value ? exprType(value) : InvalidOid;
	int i;

	if (list_member_ptr(level->subqueries, agg))
		return;
	level->subqueries = lappend(level->subqueries, agg);

	if (agg->agglevelsup > 0)
		EHDS_REFUSE(level->gate->query_string, agg,
					errmsg("aggregates of an outer query are not supported under a statistics permit"));
	for (i = 0; i < lengthof(known); i++)
	{
		if (strcmp(known[i].name, name) == 0)
			break;
	}
	if (i == lengthof(known) || get_func_namespace(agg->aggfnoid) != PG_CATALOG_NAMESPACE)
		refuse_aggregate(level, agg);
	if (agg->aggfilter != NULL)
		ehds_require_harmless_in(level, (Node *) agg->aggfilter);
	if (agg->aggkind != AGGKIND_NORMAL)
	{
		if (known[i].kind != PERCENTILE)
			refuse_aggregate(level, agg);
		check_ordered_set(level, agg);
		level->counts_rows = true;
		return;
	}
	if (list_length(agg->args) > 1 || known[i].kind == PERCENTILE)
		refuse_aggregate(level, agg);
	/* without effect on all that is allowed */
	if (agg->aggorder != NIL)
		EHDS_REFUSE(level->gate->query_string, agg,
					errmsg("ORDER BY inside %s has no effect and is refused", name));
	/* of the subject only that it is there: as a value it would be compared with others */
	if (value != NULL && (ehds_subject_of(level, value) == 0 || known[i].kind != COUNT))
		ehds_require_harmless_in(level, value);
	if (agg->aggdistinct != NIL)
		ehds_require_key_type(level, value);

	switch (known[i].kind)
	{
		case COUNT:
			level->counts_rows = level->counts_rows || agg->aggdistinct == NIL;
			break;
		case SUM:
			level->counts_rows = true;
			if (type == NUMERICOID || type == FLOAT8OID || type == FLOAT4OID)
			{
				/* where the sum of doubles ends depends on where it began */
				if (level->gate->permit->dp && type != NUMERICOID)
					EHDS_REFUSE(level->gate->query_string, agg,
								errmsg("%s of type %s within a person is not supported under differential privacy",
									   name, format_type_be(type)),
								errdetail("Its last digits depend on the order of rows."),
								errhint("Cast the column to numeric."));
				argument->expr = (Expr *) as_addend(value);
			}
			else if (type != INT2OID && type != INT4OID && type != INT8OID)
				refuse_aggregate(level, agg);
			break;
		case EXTREME:
			if (type == FLOAT8OID || type == FLOAT4OID)
				break;
			ehds_require_key_type(level, value);
			/* of equal numbers with more and fewer zeros, either may come first */
			argument->expr = ehds_bounded_key((Expr *) value);
			break;
		default:
			break;
	}
}

RelType
ehds_type_per_person(Level *level)
{
	Query *q = level->query;
	const char *text = level->gate->query_string;
	bool other_keys = false;
	RelType type;
	ListCell *lc;

	if (q->groupingSets != NIL)
		EHDS_REFUSE(text, NULL, errmsg("GROUPING SETS, ROLLUP and CUBE within a person are not supported"),
					errhint("Group by the subject and one set of columns, and make totals of the result."));
	if (q->hasWindowFuncs)
		EHDS_REFUSE(text, NULL, errmsg("window functions beside aggregates within a person are not supported"),
					errhint(
						"Put the aggregation into a subquery in FROM, and the window functions around it."));
	level->person_aggregates = true;
	foreach(lc, q->groupClause)
	{
		Node *key = (Node *) get_sortgroupclause_tle(lfirst(lc), q->targetList)->expr;

		if (ehds_subject_of(level, key) != 0)
			continue;
		other_keys = true;
		ehds_require_harmless_in(level, key);
		ehds_require_key_type(level, key);
	}
	if (q->havingQual != NULL)
		ehds_require_harmless_in(level, q->havingQual);
	type = ehds_type_rows(level);
	type.multiplied = type.multiplied && (other_keys || level->counts_rows);
	return type;
}
