/*
 * constants.c
 *		Expressions over personal data that no row can change.
 */
#include "core/compat.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#include "gate/allowed.h"

/* A shift of the current time by no more than these can't leave the range of its type. */
#define MAX_SHIFT_MONTHS 12000
#define MAX_SHIFT_DAYS 400000
#define MAX_SHIFT_USECS (INT64CONST(400000) * USECS_PER_DAY)

static bool
has_table_input(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) || IsA(node, Param) || IsA(node, SubLink) || IsA(node, Aggref) ||
		IsA(node, CaseTestExpr) || IsA(node, Query))
		return true;
	return expression_tree_walker(node, has_table_input, context);
}

static bool
not_builtin(Oid funcid, void *context)
{
	return funcid >= FirstUnpinnedObjectId;
}

static bool
uses_user_function(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, not_builtin, NULL))
		return true;
	return expression_tree_walker(node, uses_user_function, context);
}

/*
 * An expression of constants and immutable built-in functions gives the same for
 * every row, so the only thing it could tell is that it was evaluated, by
 * raising. Evaluate it now: then it raises before any data is seen, or never.
 * NULL if node is something else.
 */
Const *
ehds_folded_constant(Node *node)
{
	Node *folded;

	if (has_table_input(node, NULL) || uses_user_function(node, NULL) || contain_mutable_functions(node))
		return NULL;
	folded = eval_const_expressions(NULL, copyObject(node));
	return IsA(folded, Const) ? (Const *) folded : NULL;
}

static bool
shift_is_small(Node *node)
{
	Const *c;

	node = eval_const_expressions(NULL, copyObject(node));
	if (!IsA(node, Const) || ((Const *) node)->constisnull)
		return false;
	c = (Const *) node;
	if (c->consttype == INT4OID)
		return abs(DatumGetInt32(c->constvalue) / 2) <= MAX_SHIFT_DAYS / 2;
	if (c->consttype == INTERVALOID)
	{
		Interval *i = DatumGetIntervalP(c->constvalue);

		return i->month <= MAX_SHIFT_MONTHS && i->month >= -MAX_SHIFT_MONTHS && i->day <= MAX_SHIFT_DAYS &&
			   i->day >= -MAX_SHIFT_DAYS && i->time <= MAX_SHIFT_USECS && i->time >= -MAX_SHIFT_USECS;
	}
	return false;
}

/*
 * The current date or time, perhaps shifted by a constant. It is evaluated again
 * at each execution, so it must not be able to raise then: shifts are bounded.
 */
static bool
time_is_sound(Node *node, int depth)
{
	List *args;
	Oid funcid;

	if (depth > 4)
		return false;
	if (IsA(node, SQLValueFunction))
		return exprType(node) == DATEOID || exprType(node) == TIMESTAMPOID || exprType(node) == TIMESTAMPTZOID;
	if (IsA(node, FuncExpr))
	{
		funcid = ((FuncExpr *) node)->funcid;
		args = ((FuncExpr *) node)->args;
	}
	else if (IsA(node, OpExpr) && ((OpExpr *) node)->opno < FirstUnpinnedObjectId)
	{
		funcid = get_opcode(((OpExpr *) node)->opno);
		args = ((OpExpr *) node)->args;
	}
	else
		return false;

	switch (funcid)
	{
		case F_NOW:
		case F_TRANSACTION_TIMESTAMP:
		case F_STATEMENT_TIMESTAMP:
			return true;
		case F_DATE_TIMESTAMP:
		case F_DATE_TIMESTAMPTZ:
		case F_TIMESTAMP_DATE:
		case F_TIMESTAMP_TIMESTAMPTZ:
		case F_TIMESTAMPTZ_DATE:
			return time_is_sound(linitial(args), depth + 1);
		case F_DATE_PLI:
		case F_DATE_MII:
		case F_DATE_PL_INTERVAL:
		case F_DATE_MI_INTERVAL:
		case F_TIMESTAMP_PL_INTERVAL:
		case F_TIMESTAMP_MI_INTERVAL:
		case F_TIMESTAMPTZ_PL_INTERVAL:
		case F_TIMESTAMPTZ_MI_INTERVAL:
			return time_is_sound(linitial(args), depth + 1) && shift_is_small(lsecond(args));
		default:
			return false;
	}
}

bool
ehds_is_sound_time(Node *node)
{
	return time_is_sound(node, 0);
}
