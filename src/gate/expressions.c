/*
 * expressions.c
 *		The expressions that may see personal data.
 *
 * Below the border an error, a NOTICE or a cost that depends on a row is a
 * channel (name::int prints the name, 1/0 tells that a row was there). So
 * expressions are accepted by list: built-in functions that are leakproof, and a
 * few families that PostgreSQL does not mark leakproof but that cannot raise for
 * the arguments that are checked here. What has no input from a table is tried
 * out at planning time, so that it raises always or never.
 */
#include "core/compat.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "core/errors.h"
#include "gate/gate.h"

typedef struct
{
	const char *query_string;
	EhdsClassify classify; /* NULL: all columns are a companion's */
	void *context;
} Walk;

/*
 * Not leakproof in pg_proc, but they can't raise whatever the arguments, casts
 * that hold every value of their source included. By OID: a name has overloads
 * that raise (length(bytea, name), factorial as a "cast" from bigint to numeric).
 */
static const Oid total_functions[] = {
	F_NUMERIC_EQ,
	F_NUMERIC_NE,
	F_NUMERIC_LT,
	F_NUMERIC_LE,
	F_NUMERIC_GT,
	F_NUMERIC_GE,
	F_DATE_EQ_TIMESTAMP,
	F_DATE_NE_TIMESTAMP,
	F_DATE_LT_TIMESTAMP,
	F_DATE_LE_TIMESTAMP,
	F_DATE_GT_TIMESTAMP,
	F_DATE_GE_TIMESTAMP,
	F_TIMESTAMP_EQ_DATE,
	F_TIMESTAMP_NE_DATE,
	F_TIMESTAMP_LT_DATE,
	F_TIMESTAMP_LE_DATE,
	F_TIMESTAMP_GT_DATE,
	F_TIMESTAMP_GE_DATE,
	F_DATE_EQ_TIMESTAMPTZ,
	F_DATE_NE_TIMESTAMPTZ,
	F_DATE_LT_TIMESTAMPTZ,
	F_DATE_LE_TIMESTAMPTZ,
	F_DATE_GT_TIMESTAMPTZ,
	F_DATE_GE_TIMESTAMPTZ,
	F_TIMESTAMPTZ_EQ_DATE,
	F_TIMESTAMPTZ_NE_DATE,
	F_TIMESTAMPTZ_LT_DATE,
	F_TIMESTAMPTZ_LE_DATE,
	F_TIMESTAMPTZ_GT_DATE,
	F_TIMESTAMPTZ_GE_DATE,
	F_TIMESTAMP_EQ_TIMESTAMPTZ,
	F_TIMESTAMP_NE_TIMESTAMPTZ,
	F_TIMESTAMP_LT_TIMESTAMPTZ,
	F_TIMESTAMP_LE_TIMESTAMPTZ,
	F_TIMESTAMP_GT_TIMESTAMPTZ,
	F_TIMESTAMP_GE_TIMESTAMPTZ,
	F_TIMESTAMPTZ_EQ_TIMESTAMP,
	F_TIMESTAMPTZ_NE_TIMESTAMP,
	F_TIMESTAMPTZ_LT_TIMESTAMP,
	F_TIMESTAMPTZ_LE_TIMESTAMP,
	F_TIMESTAMPTZ_GT_TIMESTAMP,
	F_TIMESTAMPTZ_GE_TIMESTAMP,
	F_BPCHAREQ,
	F_BPCHARNE,
	F_STARTS_WITH,
	F_LOWER_TEXT,
	F_UPPER_TEXT,
	F_LEFT,
	F_RIGHT,
	F_LENGTH_TEXT,
	F_LENGTH_BPCHAR,
	F_CHAR_LENGTH_TEXT,
	F_CHARACTER_LENGTH_TEXT,
	F_BTRIM_TEXT,
	F_BTRIM_TEXT_TEXT,
	F_LTRIM_TEXT,
	F_LTRIM_TEXT_TEXT,
	F_RTRIM_TEXT,
	F_RTRIM_TEXT_TEXT,
	F_TRIM_SCALE,
	F_INT4_INT2,
	F_INT8_INT2,
	F_NUMERIC_INT2,
	F_FLOAT8_INT2,
	F_INT8_INT4,
	F_NUMERIC_INT4,
	F_FLOAT8_INT4,
	F_NUMERIC_INT8,
	F_FLOAT8_INT8,
	F_FLOAT8_FLOAT4,
	F_TEXT_BPCHAR,
	F_TEXT_NAME,
	F_TEXT_BOOL,
};

/* Total for texts of a size that a warehouse has: for columns of the permit only. */
static const Oid copying_functions[] = {
	F_LOWER_TEXT, F_UPPER_TEXT,      F_LEFT,       F_RIGHT,           F_BTRIM_TEXT, F_BTRIM_TEXT_TEXT,
	F_LTRIM_TEXT, F_LTRIM_TEXT_TEXT, F_RTRIM_TEXT, F_RTRIM_TEXT_TEXT, F_TEXTICLIKE, F_TEXTICNLIKE,
};

/* Total if the second argument is a literal pattern that doesn't end in a lone backslash. */
static const Oid pattern_functions[] = {F_TEXTLIKE, F_TEXTNLIKE, F_TEXTICLIKE, F_TEXTICNLIKE};

/* Total if the first argument is one of the fields below. */
static const Oid field_functions[] = {
	F_EXTRACT_TEXT_DATE,        F_EXTRACT_TEXT_TIMESTAMP,     F_EXTRACT_TEXT_TIMESTAMPTZ,
	F_DATE_PART_TEXT_TIMESTAMP, F_DATE_PART_TEXT_TIMESTAMPTZ,
};

/* Fields that dates and timestamps have alike. */
static const char *const date_fields[] = {
	"year",   "month", "day",     "quarter", "week",    "dow",
	"isodow", "doy",   "isoyear", "decade",  "century", "millennium",
};

/* A shift of the current time by no more than these can't leave the range of its type. */
/* bytes of a constant */
#define MAX_CONSTANT 1024

#define MAX_SHIFT_MONTHS 12000
#define MAX_SHIFT_DAYS 400000
#define MAX_SHIFT_USECS (INT64CONST(400000) * USECS_PER_DAY)

int
ehds_errposition(const char *query_string, int location)
{
	if (location < 0 || query_string == NULL)
		return 0;
	return errposition(pg_mbstrlen_with_len(query_string, location) + 1);
}

static bool
listed(Oid funcid, const Oid *list, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (list[i] == funcid)
			return true;
	}
	return false;
}

static bool
is_date_field(const char *field)
{
	char *lower = field ? asc_tolower(field, strlen(field)) : NULL;

	for (int i = 0; lower != NULL && i < lengthof(date_fields); i++)
	{
		if (strcmp(lower, date_fields[i]) == 0)
			return true;
	}
	return false;
}

/* The text of a constant, NULL if node is not a non-NULL constant of a text type. */
static char *
constant_text(Node *node)
{
	Const *c;

	while (node && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (node == NULL || !IsA(node, Const))
		return NULL;
	c = (Const *) node;
	if (c->constisnull || (c->consttype != TEXTOID && c->consttype != VARCHAROID))
		return NULL;
	return TextDatumGetCString(c->constvalue);
}

/* A pattern that ends in a lone backslash raises, but only when it is reached. */
static bool
pattern_is_sound(Node *node)
{
	char *pattern = constant_text(node);

	if (pattern == NULL)
		return false;
	for (char *p = pattern; *p; p++)
	{
		if (*p == '\\' && *++p == '\0')
			return false;
	}
	return true;
}

/*
 * Text functions raise if they can't tell which collation to use, or for one
 * that doesn't compare bytes, and only when a row gets there.
 */
static bool
collation_is_sound(Oid inputcollid, List *args)
{
	ListCell *lc;

	if (OidIsValid(inputcollid))
		return get_collation_isdeterministic(inputcollid);
	foreach(lc, args)
	{
		if (type_is_collatable(exprType(lfirst(lc))))
			return false;
	}
	return true;
}

static bool
is_total(Oid funcid)
{
	HeapTuple tuple;
	Form_pg_proc proc;
	bool leakproof;

	if (funcid >= FirstUnpinnedObjectId)
		return false;
	if (listed(funcid, total_functions, lengthof(total_functions)))
		return true;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		return false;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	leakproof = proc->proleakproof && proc->provolatile != PROVOLATILE_VOLATILE && !proc->proretset;
	ReleaseSysCache(tuple);
	return leakproof;
}

static bool
function_is_harmless(Oid funcid, Oid inputcollid, List *args)
{
	/* a look-up in a map of the permit, which neither fails nor tells */
	if (ehds_is_bound_coarsening(funcid, args))
		return true;
	if (!collation_is_sound(inputcollid, args))
		return false;
	if (is_total(funcid))
		return true;
	if (listed(funcid, pattern_functions, lengthof(pattern_functions)))
		return pattern_is_sound(lsecond(args));
	if (listed(funcid, field_functions, lengthof(field_functions)))
		return is_date_field(constant_text(linitial(args)));
	return false;
}

/*
 * The planner may put an operator's negator or commutator in its place, and a
 * user's operator may name a function of ours but a negator of his own.
 */
static bool
operator_is_harmless(Oid opno, Oid inputcollid, List *args)
{
	return opno < FirstUnpinnedObjectId && function_is_harmless(get_opcode(opno), inputcollid, args);
}

static bool harmless_walker(Node *node, void *arg);

static EhdsColumn
classify(Walk *walk, Var *var)
{
	if (var->varlevelsup > 0 || walk->classify == NULL)
		return EHDS_COLUMN_OWN;
	return walk->classify(var, walk->context);
}

/*
 * Functions that make a new text raise for one of hundreds of megabytes, which
 * only the analyst would have: they take columns of the permit's views.
 */
static bool
takes_permit_column(Walk *walk, List *args)
{
	Node *first = linitial(args);

	while (IsA(first, RelabelType))
		first = (Node *) ((RelabelType *) first)->arg;
	return IsA(first, Var) && classify(walk, (Var *) first) == EHDS_COLUMN_OF_PERMIT;
}

static bool
is_text_parameter(Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node != NULL && IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN &&
		   get_typlen(((Param *) node)->paramtype) < 0;
}

/* Operands of a comparison: a parameter of any size may be compared, not computed with. */
static bool
walk_operands(Walk *walk, List *args)
{
	ListCell *lc;

	foreach(lc, args)
	{
		if (!is_text_parameter(lfirst(lc)))
			(void) harmless_walker(lfirst(lc), walk);
	}
	return false;
}

static void
refuse_function(Walk *walk, const char *name, Node *node, const char *what)
{
	EHDS_REFUSE(walk->query_string, node,
				errmsg("%s %s is not allowed on personal data", what, name ? name : "?"),
				errdetail(
					"Below the aggregation only expressions that can neither fail nor tell are evaluated."),
				errhint(
					"Compare columns with constants (=, <, IN, BETWEEN, IS NULL, LIKE with a literal pattern), use CASE, COALESCE, extract(year from ...), or move the expression above the aggregates."));
}

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

/* A constant must not be what exceeds a size limit. */
static void
require_small_constant(Walk *walk, Node *node, Const *c)
{
	if (!c->constisnull && c->constlen == -1 && toast_raw_datum_size(c->constvalue) > MAX_CONSTANT)
		EHDS_REFUSE(walk->query_string, node,
					errmsg("constants of more than %d bytes are not allowed on personal data", MAX_CONSTANT),
					errdetail("A size limit that only a certain row would exceed would tell of that row."));
}

/*
 * An expression of constants and immutable built-in functions gives the same for
 * every row, so the only thing it could tell is that it was evaluated, by
 * raising. Evaluate it now: then it raises before any data is seen, or never.
 */
static bool
constant_is_sound(Walk *walk, Node *node)
{
	Node *folded;

	if (has_table_input(node, NULL) || uses_user_function(node, NULL) || contain_mutable_functions(node))
		return false;
	folded = eval_const_expressions(NULL, copyObject(node));
	if (!IsA(folded, Const))
		return false;
	require_small_constant(walk, node, (Const *) folded);
	return true;
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

static bool
harmless_walker(Node *node, void *arg)
{
	Walk *walk = (Walk *) arg;

	if (node == NULL)
		return false;

	switch (nodeTag(node))
	{
		case T_Var:
			if (classify(walk, (Var *) node) == EHDS_COLUMN_SUBJECT)
				EHDS_REFUSE(
					walk->query_string, node,
					errmsg(
						"the subject column is only for joins between the permit's tables and for protected aggregates"),
					errhint(
						"Write conditions and groups on other columns; count persons with ehds.k_count(person) or count(DISTINCT person)."));
			if (((Var *) node)->varattno <= 0)
				EHDS_REFUSE(walk->query_string, node,
							errmsg("%s are not allowed on personal data",
								   ((Var *) node)->varattno == 0 ? "whole-row references" : "system columns"),
							errhint("Name the columns that you need."));
			return false;
		case T_Const:
			require_small_constant(walk, node, (Const *) node);
			return false;
		case T_Param:
			if (((Param *) node)->paramkind == PARAM_EXTERN && !is_text_parameter(node))
				return false;
			break;
		case T_FuncExpr:
		case T_OpExpr:
		case T_NullIfExpr:
		case T_DistinctExpr:
		case T_ScalarArrayOpExpr:
		case T_SQLValueFunction:
		case T_ArrayCoerceExpr:
		case T_CoerceViaIO:
			if (constant_is_sound(walk, node) || time_is_sound(node, 0))
				return false;
			break;
		default:
			break;
	}

	switch (nodeTag(node))
	{
		case T_FuncExpr:
		{
			FuncExpr *f = (FuncExpr *) node;

			if (f->funcretset || f->funcvariadic || !function_is_harmless(f->funcid, f->inputcollid, f->args) ||
				(listed(f->funcid, copying_functions, lengthof(copying_functions)) &&
				 !takes_permit_column(walk, f->args)))
				refuse_function(walk, get_func_name(f->funcid), node, "the function");
			break;
		}
		case T_OpExpr:
		case T_NullIfExpr:
		case T_DistinctExpr:
		{
			OpExpr *o = (OpExpr *) node;

			if (!operator_is_harmless(o->opno, o->inputcollid, o->args) ||
				(listed(get_opcode(o->opno), copying_functions, lengthof(copying_functions)) &&
				 !takes_permit_column(walk, o->args)))
				refuse_function(walk, get_opname(o->opno), node, "the operator");
			return walk_operands(walk, o->args);
		}
		case T_ScalarArrayOpExpr:
		{
			ScalarArrayOpExpr *o = (ScalarArrayOpExpr *) node;

			/* not for LIKE: each element of the array would be a pattern of its own */
			if (o->opno >= FirstUnpinnedObjectId || !is_total(get_opcode(o->opno)) ||
				!collation_is_sound(o->inputcollid, o->args))
				refuse_function(walk, get_opname(o->opno), node, "the operator");
			return walk_operands(walk, o->args);
		}
		case T_MinMaxExpr:
		{
			TypeCacheEntry *type = lookup_type_cache(((MinMaxExpr *) node)->minmaxtype, TYPECACHE_CMP_PROC);

			if (!OidIsValid(type->cmp_proc) || type->cmp_proc >= FirstUnpinnedObjectId ||
				!collation_is_sound(((MinMaxExpr *) node)->inputcollid, ((MinMaxExpr *) node)->args))
				refuse_function(walk, get_func_name(type->cmp_proc), node, "the comparison function");
			break;
		}
		case T_BoolExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_CaseExpr:
		case T_CaseWhen:
		case T_CaseTestExpr:
		case T_CoalesceExpr:
		case T_RelabelType:
		case T_CollateExpr:
		case T_List:
			break;
		case T_ArrayExpr:
			if (((ArrayExpr *) node)->multidims)
				EHDS_REFUSE(walk->query_string, node,
							errmsg("arrays of arrays are not allowed on personal data"));
			break;
		case T_SubLink:
			EHDS_REFUSE(walk->query_string, node,
						errmsg("a subquery in an expression is not allowed on personal data"),
						errhint(
							"Write it as a join: on the subject for a table of the permit, on any column for a public table."));
			break;
		case T_Aggref:
		case T_WindowFunc:
		case T_GroupingFunc:
			EHDS_REFUSE(walk->query_string, node,
						errmsg(
							"aggregates and window functions are not allowed inside expressions on personal data"),
						errhint("Aggregate once, and compute above the aggregates."));
			break;
		default:
			EHDS_REFUSE(walk->query_string, node, errmsg("this expression is not allowed on personal data"),
						errdetail(
							"Below the aggregation only expressions that can neither fail nor tell are evaluated."),
						errhint(
							"Compare columns with constants, use CASE or COALESCE, or move the expression above the aggregates."));
	}
	return expression_tree_walker(node, harmless_walker, arg);
}

/* Raises, with the position and a hint, at the first part of node that is not harmless. */
void
ehds_require_harmless(Node *node, const char *query_string, EhdsClassify classify, void *context)
{
	Walk walk = {query_string, classify, context};

	(void) harmless_walker(node, &walk);
}

/* Looks through the casts that keep every value: a subject stays a subject. */
Node *
ehds_strip_casts(Node *node)
{
	for (;;)
	{
		if (node != NULL && IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (node != NULL && IsA(node, FuncExpr) && list_length(((FuncExpr *) node)->args) == 1 &&
				 (((FuncExpr *) node)->funcid == F_INT8_INT4 || ((FuncExpr *) node)->funcid == F_INT8_INT2 ||
				  ((FuncExpr *) node)->funcid == F_INT4_INT2))
			node = linitial(((FuncExpr *) node)->args);
		else
			return node;
	}
}
