/*
 * setops.c
 *		UNION, INTERSECT and EXCEPT of rows of persons.
 *
 * Both sides hold the subject in the same column: then rows of one person are
 * only united or compared with rows of the same person. Public rows belong to
 * nobody: they may be compared with, not added.
 */
#include "core/compat.h"

#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "core/errors.h"
#include "gate/level.h"

/*
 * Sides of different types are cast by the planner, out of sight: the cast may raise
 * at a value that only some persons have.
 */
static void
check_casts(Query *query, Node *node, List *types, const char *text)
{
	List *own = NIL;
	ListCell *a;
	ListCell *b;

	check_stack_depth();
	if (IsA(node, RangeTblRef))
	{
		foreach(a, rt_fetch(((RangeTblRef *) node)->rtindex, query->rtable)->subquery->targetList)
		{
			if (!lfirst_node(TargetEntry, a)->resjunk)
				own = lappend_oid(own, exprType((Node *) lfirst_node(TargetEntry, a)->expr));
		}
	}
	else
	{
		SetOperationStmt *op = castNode(SetOperationStmt, node);

		own = op->colTypes;
		check_casts(query, op->larg, own, text);
		check_casts(query, op->rarg, own, text);
	}
	forboth(a, own, b, types)
	{
		Node *value = (Node *) makeVar(1, 1, lfirst_oid(a), -1, get_typcollation(lfirst_oid(a)), 0);

		if (lfirst_oid(a) != lfirst_oid(b))
			ehds_require_harmless(coerce_to_common_type(NULL, value, lfirst_oid(b), "UNION"), text, NULL,
								  NULL);
	}
}

void
ehds_check_set_operation_casts(Query *query, const char *text)
{
	check_casts(query, query->setOperations, NIL, text);
}

static RelType
type_of(Level *level, Node *node)
{
	const char *text = level->gate->query_string;
	SetOperationStmt *op;
	RelType left;
	RelType right;
	RelType type = {true, false, NULL, NIL};
	bool tied;

	if (IsA(node, RangeTblRef))
		return level->types[((RangeTblRef *) node)->rtindex];
	check_stack_depth();
	op = castNode(SetOperationStmt, node);
	left = type_of(level, op->larg);
	right = type_of(level, op->rarg);
	if (!left.tracked && !right.tracked)
		return left;

	if (left.tracked != right.tracked)
	{
		/* a list of public keys would pick persons, whom differential privacy protects even so */
		if (!level->gate->permit->dp && op->op != SETOP_UNION)
			EHDS_REFUSE(text, NULL, errmsg("the subject column is not compared with public data"),
						errdetail("%s of rows of persons and public rows compares all columns.",
								  op->op == SETOP_INTERSECT ? "INTERSECT" : "EXCEPT"),
						errhint("Use EXISTS or IN on other columns; persons are chosen by their properties."));
		if (op->op == SETOP_INTERSECT)
			return left.tracked ? left : right;
		if (op->op == SETOP_EXCEPT && left.tracked)
			return left;
		EHDS_REFUSE(text, NULL,
					errmsg("%s of rows of persons and public rows is not allowed",
						   op->op == SETOP_UNION ? "UNION" : "EXCEPT"),
					errdetail("Public rows belong to no person."),
					errhint("Join the public table, or combine aggregated results."));
	}

	/* a subject among other values would be one of them */
	if (!bms_equal(left.subjects, right.subjects))
		EHDS_REFUSE(text, NULL,
					errmsg(
						"the two sides of UNION, INTERSECT or EXCEPT do not have the subject in the same columns"),
					errhint(
						"Return the subject column (person_id) in the same place on both sides, and once."));
	tied = left.outer != NIL && right.outer != NIL;
	type.subjects = left.subjects;
	if (bms_is_empty(type.subjects) && !tied)
		EHDS_REFUSE(text, NULL,
					errmsg(
						"the two sides of UNION, INTERSECT or EXCEPT do not have the subject in the same column"),
					errhint("Return the subject column (person_id) in the same place on both sides."));
	if (tied)
		type.outer = list_concat_copy(left.outer, right.outer);
	if (op->op == SETOP_UNION)
	{
		/* the analyst may add a person's row as often as he likes; one row a person can't be */
		type.multiplied = op->all || bms_is_empty(type.subjects) ||
						  bms_num_members(type.subjects) < list_length(op->colTypes);
	}
	else
		type.multiplied = left.multiplied;
	return type;
}

/* Public sides of an operation with rows of persons may be evaluated or not. */
static void
check_public_sides(Level *level, Node *node)
{
	if (IsA(node, RangeTblRef))
	{
		int i = ((RangeTblRef *) node)->rtindex;

		if (!level->types[i].tracked)
			ehds_require_harmless_query(level, rt_fetch(i, level->query->rtable)->subquery);
	}
	else
	{
		check_public_sides(level, castNode(SetOperationStmt, node)->larg);
		check_public_sides(level, castNode(SetOperationStmt, node)->rarg);
	}
}

RelType
ehds_type_set_operation(Level *level)
{
	Query *q = level->query;
	RelType type = type_of(level, q->setOperations);
	List *outer = NIL;
	ListCell *lc;

	/* its sides are one level further in */
	foreach(lc, type.outer)
	{
		OuterEntry *o = palloc(sizeof(OuterEntry));

		*o = *(OuterEntry *) lfirst(lc);
		o->up--;
		outer = lappend(outer, o);
	}
	type.outer = outer;

	check_public_sides(level, q->setOperations);
	if (type.tracked)
		ehds_check_set_operation_casts(q, level->gate->query_string);
	if (level->place == PLACE_STATEMENT && !level->gate->seal)
		ehds_refuse_rows(level);
	if (q->limitCount != NULL || q->limitOffset != NULL)
		EHDS_REFUSE(level->gate->query_string, q->limitCount,
					errmsg("LIMIT and OFFSET would pick single persons"),
					errhint("Limit the aggregated result."));
	q->sortClause = NIL;
	return type;
}
