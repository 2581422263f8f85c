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

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_node.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "core/errors.h"
#include "gate/gate.h"

typedef struct
{
	const char *query_string;
	EhdsIsSubject is_subject; /* NULL: no column of the query is a subject */
	void *context;
} Walk;

/* Not leakproof in pg_proc, but they can't raise whatever the arguments. */
static const char *const total_functions[] = {
	"numeric_eq",
	"numeric_ne",
	"numeric_lt",
	"numeric_le",
	"numeric_gt",
	"numeric_ge",
	"date_eq_timestamp",
	"date_ne_timestamp",
	"date_lt_timestamp",
	"date_le_timestamp",
	"date_gt_timestamp",
	"date_ge_timestamp",
	"timestamp_eq_date",
	"timestamp_ne_date",
	"timestamp_lt_date",
	"timestamp_le_date",
	"timestamp_gt_date",
	"timestamp_ge_date",
	"date_eq_timestamptz",
	"date_ne_timestamptz",
	"date_lt_timestamptz",
	"date_le_timestamptz",
	"date_gt_timestamptz",
	"date_ge_timestamptz",
	"timestamptz_eq_date",
	"timestamptz_ne_date",
	"timestamptz_lt_date",
	"timestamptz_le_date",
	"timestamptz_gt_date",
	"timestamptz_ge_date",
	"timestamp_eq_timestamptz",
	"timestamp_ne_timestamptz",
	"timestamp_lt_timestamptz",
	"timestamp_le_timestamptz",
	"timestamp_gt_timestamptz",
	"timestamp_ge_timestamptz",
	"timestamptz_eq_timestamp",
	"timestamptz_ne_timestamp",
	"timestamptz_lt_timestamp",
	"timestamptz_le_timestamp",
	"timestamptz_gt_timestamp",
	"timestamptz_ge_timestamp",
	"bpchareq",
	"bpcharne",
	"starts_with",
	"text_starts_with",
	"lower",
	"upper",
	"left",
	"right",
	"length",
	"char_length",
	"character_length",
	"btrim",
	"ltrim",
	"rtrim",
	"trim_scale",
};

/* Casts that hold every value of their source. */
static const struct
{
	Oid source;
	Oid target;
} total_casts[] = {
	{INT2OID, INT4OID},   {INT2OID, INT8OID},     {INT2OID, NUMERICOID}, {INT2OID, FLOAT8OID},
	{INT4OID, INT8OID},   {INT4OID, NUMERICOID},  {INT4OID, FLOAT8OID},  {INT8OID, NUMERICOID},
	{INT8OID, FLOAT8OID}, {FLOAT4OID, FLOAT8OID}, {BPCHAROID, TEXTOID},  {NAMEOID, TEXTOID},
	{BOOLOID, TEXTOID},
};

/* Fields that extract and date_trunc know for dates and timestamps alike. */
static const char *const date_fields[] = {
	"year",   "month", "day",     "quarter", "week",    "dow",
	"isodow", "doy",   "isoyear", "decade",  "century", "millennium",
};

int
ehds_errposition(const char *query_string, int location)
{
	if (location < 0 || query_string == NULL)
		return 0;
	return errposition(pg_mbstrlen_with_len(query_string, location) + 1);
}

static bool
listed(const char *name, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(name, list[i]) == 0)
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

static bool
function_is_harmless(Oid funcid, List *args)
{
	HeapTuple tuple;
	Form_pg_proc proc;
	char name[NAMEDATALEN];
	bool leakproof;
	int nargs;
	Oid argtype0;
	Oid rettype;

	if (funcid >= FirstUnpinnedObjectId)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		return false;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	strlcpy(name, NameStr(proc->proname), NAMEDATALEN);
	leakproof = proc->proleakproof && proc->provolatile != PROVOLATILE_VOLATILE && !proc->proretset;
	nargs = proc->pronargs;
	argtype0 = nargs > 0 ? proc->proargtypes.values[0] : InvalidOid;
	rettype = proc->prorettype;
	ReleaseSysCache(tuple);

	if (leakproof)
		return true;
	if (listed(name, total_functions, lengthof(total_functions)))
		return true;
	if (nargs == 1)
	{
		for (int i = 0; i < lengthof(total_casts); i++)
		{
			if (total_casts[i].source == argtype0 && total_casts[i].target == rettype)
				return true;
		}
	}
	if (nargs == 2 && (strcmp(name, "textlike") == 0 || strcmp(name, "textnlike") == 0 ||
					   strcmp(name, "texticlike") == 0 || strcmp(name, "texticnlike") == 0))
		return pattern_is_sound(lsecond(args));
	if (nargs == 2 && (strcmp(name, "extract") == 0 || strcmp(name, "date_part") == 0))
	{
		char *field = constant_text(linitial(args));
		Oid type = exprType(lsecond(args));

		return field != NULL && (type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID) &&
			   listed(asc_tolower(field, strlen(field)), date_fields, lengthof(date_fields));
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
					"Compare columns with constants (=, <, IN, BETWEEN, LIKE, IS NULL), use CASE, COALESCE, extract(year from ...), or move the expression above the aggregates."));
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

/*
 * An expression of constants and built-in functions gives the same for every
 * row, so the only thing it could tell is that it was evaluated, by raising.
 * Evaluate it now: then it raises before any data is seen, or not at all.
 */
static bool
constant_is_sound(Node *node)
{
	/* estimate_expression_value wants to know of parameters: there are none here */
	PlannerInfo *root = makeNode(PlannerInfo);

	root->glob = makeNode(PlannerGlobal);
	if (has_table_input(node, NULL) || uses_user_function(node, NULL) || contain_volatile_functions(node))
		return false;
	return IsA(estimate_expression_value(root, copyObject(node)), Const);
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
			if (((Var *) node)->varlevelsup == 0 && walk->is_subject != NULL &&
				walk->is_subject((Var *) node, walk->context))
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
			return false;
		case T_Param:
			if (((Param *) node)->paramkind == PARAM_EXTERN)
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
			if (constant_is_sound(node))
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

			if (f->funcretset || f->funcvariadic || !function_is_harmless(f->funcid, f->args))
				refuse_function(walk, get_func_name(f->funcid), node, "the function");
			break;
		}
		case T_OpExpr:
		case T_NullIfExpr:
		case T_DistinctExpr:
		{
			OpExpr *o = (OpExpr *) node;

			if (!function_is_harmless(get_opcode(o->opno), o->args))
				refuse_function(walk, get_opname(o->opno), node, "the operator");
			break;
		}
		case T_ScalarArrayOpExpr:
		{
			ScalarArrayOpExpr *o = (ScalarArrayOpExpr *) node;

			/* each element of a constant array is a pattern of its own: not for LIKE */
			if (!function_is_harmless(get_opcode(o->opno), o->args) ||
				!get_func_leakproof(get_opcode(o->opno)))
				refuse_function(walk, get_opname(o->opno), node, "the operator");
			break;
		}
		case T_MinMaxExpr:
		{
			TypeCacheEntry *type = lookup_type_cache(((MinMaxExpr *) node)->minmaxtype, TYPECACHE_CMP_PROC);

			if (!OidIsValid(type->cmp_proc) || type->cmp_proc >= FirstUnpinnedObjectId)
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
		case T_ArrayExpr:
		case T_List:
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
ehds_require_harmless(Node *node, const char *query_string, EhdsIsSubject is_subject, void *context)
{
	Walk walk = {query_string, is_subject, context};

	(void) harmless_walker(node, &walk);
}

/*
 * A public subquery that is joined to personal data runs only if there are such
 * rows, so an error in it would tell: it must be harmless as a whole.
 */
static bool
harmless_query_walker(Node *node, void *arg)
{
	const char *query_string = (const char *) arg;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query *q = (Query *) node;
		ListCell *lc;

		if (q->hasAggs || q->hasWindowFuncs || q->hasTargetSRFs || q->hasSubLinks || q->hasRecursive ||
			q->limitCount || q->limitOffset)
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_REFUSED),
					 errmsg("a public subquery that is joined to personal data must be a plain selection"),
					 errhint(
						 "Join the public table itself, or store the result in a table of your own first.")));
		ehds_require_harmless(q->jointree->quals, query_string, NULL, NULL);
		foreach(lc, q->targetList)
			ehds_require_harmless((Node *) ((TargetEntry *) lfirst(lc))->expr, query_string, NULL, NULL);
		foreach(lc, q->rtable)
		{
			RangeTblEntry *rte = lfirst(lc);

			if (rte->securityQuals != NIL || rte->tablesample != NULL || rte->rtekind == RTE_FUNCTION ||
				rte->rtekind == RTE_TABLEFUNC)
				ereport(ERROR,
						(errcode(ERRCODE_EHDS_REFUSED),
						 errmsg("a public subquery that is joined to personal data must be a plain selection"),
						 errhint(
							 "Join the public table itself, or store the result in a table of your own first.")));
		}
		return query_tree_walker(q, harmless_query_walker, arg, QTW_IGNORE_JOINALIASES);
	}
	if (IsA(node, JoinExpr) && ((JoinExpr *) node)->quals != NULL)
		ehds_require_harmless(((JoinExpr *) node)->quals, query_string, NULL, NULL);
	return expression_tree_walker(node, harmless_query_walker, arg);
}

void
ehds_require_harmless_query(Query *query, const char *query_string)
{
	(void) harmless_query_walker((Node *) query, (void *) query_string);
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
