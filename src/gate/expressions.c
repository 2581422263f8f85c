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
#include "access/transam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "core/errors.h"
#include "gate/allowed.h"
#include "gate/gate.h"

/* There is nothing more to say than that it is not on the list. */
#define REASON ""

typedef struct
{
	const char *query_string;
	EhdsClassify classify; /* NULL: all columns are a companion's */
	void *context;
} Walk;

/* bytes of a constant */
#define MAX_CONSTANT 1024

int
ehds_errposition(const char *query_string, int location)
{
	if (location < 0 || query_string == NULL)
		return 0;
	return errposition(pg_mbstrlen_with_len(query_string, location) + 1);
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

/* Can the elements of arrays be compared without an error? */
static bool
elements_compare(List *args)
{
	ListCell *lc;

	foreach(lc, args)
	{
		Oid element = get_base_element_type(exprType(lfirst(lc)));
		TypeCacheEntry *type;
		EhdsAllowed allowed;

		if (!OidIsValid(element))
			return false;
		type = lookup_type_cache(element, TYPECACHE_EQ_OPR);
		if (!OidIsValid(type->eq_opr) || type->eq_opr >= FirstUnpinnedObjectId)
			return false;
		allowed = ehds_allowed(get_opcode(type->eq_opr));
		if (allowed != EHDS_LEAKPROOF && allowed != EHDS_TOTAL_FUNCTION)
			return false;
	}
	return true;
}

/* An array of one dimension without NULLs, of a type whose order is built in. */
static bool
is_threshold_array(Node *node)
{
	Const *c;
	ArrayType *array;
	TypeCacheEntry *type;

	if (contain_var_clause(node) || contain_mutable_functions(node))
		return false;
	c = (Const *) eval_const_expressions(NULL, copyObject(node));
	if (!IsA(c, Const) || c->constisnull || toast_raw_datum_size(c->constvalue) > MAX_CONSTANT)
		return false;
	array = DatumGetArrayTypeP(c->constvalue);
	if (ARR_NDIM(array) != 1 || array_contains_nulls(array))
		return false;
	type = lookup_type_cache(ARR_ELEMTYPE(array), TYPECACHE_CMP_PROC);
	return OidIsValid(type->cmp_proc) && ehds_allowed(type->cmp_proc) != EHDS_NOT_ALLOWED;
}

/* varchar(n) and char(n) that cut, of a moderate length */
static bool
is_cutting_cast(List *args)
{
	Const *length = lsecond(args);
	Const *is_explicit = lthird(args);

	return IsA(length, Const) && !length->constisnull &&
		   DatumGetInt32(length->constvalue) <= MAX_CONSTANT + VARHDRSZ && IsA(is_explicit, Const) &&
		   !is_explicit->constisnull && DatumGetBool(is_explicit->constvalue);
}

static bool takes_permit_column(Walk *walk, List *args);

/* NULL if the function is harmless for these arguments, else the reason why it is not. */
static const char *
why_not(Walk *walk, Oid funcid, Oid inputcollid, List *args)
{
	EhdsLiteral literal;
	const char *wrong;

	/* a look-up in a map of the permit, which neither fails nor tells */
	if (ehds_is_bound_coarsening(funcid, args))
		return NULL;
	if (!collation_is_sound(inputcollid, args))
		return "the collation of its arguments is not one that compares bytes";
	if (ehds_is_total_version(funcid, &literal))
		return ehds_wrong_literal(literal, funcid, args, inputcollid);
	switch (ehds_allowed(funcid))
	{
		case EHDS_LEAKPROOF:
		case EHDS_TOTAL_FUNCTION:
			return NULL;
		case EHDS_OF_COLUMN:
			return takes_permit_column(walk, args) ? NULL : REASON;
		case EHDS_OF_PATTERN:
			return ehds_is_sound_pattern(lsecond(args)) ? NULL : "the pattern must be a literal";
		case EHDS_OF_FIELD:
			return ehds_is_field(linitial(args), exprType(lsecond(args)))
					   ? NULL
					   : ehds_wrong_literal(EHDS_LITERAL_FIELD, funcid, args, inputcollid);
		case EHDS_OF_FORMAT:
			return ehds_wrong_literal(EHDS_LITERAL_FORMAT, funcid, args, inputcollid);
		case EHDS_OF_ELEMENTS:
			return elements_compare(args) ? NULL : REASON;
		case EHDS_OF_THRESHOLDS:
			return is_threshold_array(lsecond(args)) ? NULL
													 : "the thresholds must be a constant array without NULLs";
		case EHDS_OF_TYPMOD:
			return is_cutting_cast(args) ? NULL : REASON;
		case EHDS_REPLACED:
			/* what the substitution has left as it is, for the sake of indexes */
			if ((funcid == F_TEXTICLIKE || funcid == F_TEXTICNLIKE) && takes_permit_column(walk, args) &&
				ehds_is_sound_pattern(lsecond(args)))
				return NULL;
			if ((funcid == F_TEXTREGEXEQ || funcid == F_TEXTREGEXNE || funcid == F_TEXTICREGEXEQ ||
				 funcid == F_TEXTICREGEXNE) &&
				takes_permit_column(walk, args))
				return ehds_wrong_literal(EHDS_LITERAL_REGEX, funcid, args, inputcollid);
			(void) ehds_is_total_version(ehds_total_version(funcid), &literal);
			wrong = ehds_wrong_literal(literal, funcid, args, inputcollid);
			return wrong ? wrong : REASON;
		case EHDS_NOT_ALLOWED:
			break;
	}
	return REASON;
}

/*
 * The planner may put an operator's negator or commutator in its place, and a
 * user's operator may name a function of ours but a negator of his own.
 */
static const char *
why_not_operator(Walk *walk, Oid opno, Oid inputcollid, List *args)
{
	return opno < FirstUnpinnedObjectId ? why_not(walk, get_opcode(opno), inputcollid, args) : REASON;
}

/* LIKE ANY (list): each element is a pattern. */
static bool
are_sound_patterns(Node *list)
{
	Datum *values;
	bool *nulls;
	int n;
	Const *c;

	if (contain_var_clause(list) || contain_mutable_functions(list))
		return false;
	c = (Const *) eval_const_expressions(NULL, copyObject(list));
	if (!IsA(c, Const) || c->constisnull || c->consttype != TEXTARRAYOID ||
		toast_raw_datum_size(c->constvalue) > MAX_CONSTANT)
		return false;
	deconstruct_array(DatumGetArrayTypeP(c->constvalue), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls,
					  &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i] || !ehds_is_sound_pattern((Node *) makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
																  values[i], false, false)))
			return false;
	}
	return true;
}

static const char *
why_not_list(Walk *walk, ScalarArrayOpExpr *o)
{
	Oid funcid = get_opcode(o->opno);

	if (o->opno >= FirstUnpinnedObjectId || !collation_is_sound(o->inputcollid, o->args))
		return REASON;
	switch (ehds_allowed(funcid))
	{
		case EHDS_LEAKPROOF:
		case EHDS_TOTAL_FUNCTION:
			return NULL;
		case EHDS_OF_PATTERN:
			return are_sound_patterns(lsecond(o->args)) ? NULL : "the patterns must be a literal list";
		case EHDS_REPLACED:
			if ((funcid == F_TEXTICLIKE || funcid == F_TEXTICNLIKE) && takes_permit_column(walk, o->args) &&
				are_sound_patterns(lsecond(o->args)))
				return NULL;
			return REASON;
		default:
			return REASON;
	}
}

/* Types that write themselves as text without an error. */
static bool
prints(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case CHAROID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case TIMEOID:
		case INTERVALOID:
		case UUIDOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return true;
		default:
			return false;
	}
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

/* The name under which the analyst knows a function. */
static char *
native_name(Oid funcid)
{
	char *name = get_func_name(funcid);
	EhdsLiteral literal;

	return name != NULL && ehds_is_total_version(funcid, &literal) ? name + strlen("total_") : name;
}

static void
refuse_function(Walk *walk, const char *name, Node *node, const char *what, const char *why)
{
	EHDS_REFUSE(walk->query_string, node,
				errmsg("%s %s is not allowed on personal data%s%s", what, name ? name : "?", *why ? ": " : "",
					   why),
				errdetail(
					"Below the aggregation only expressions that can neither fail nor tell are evaluated."),
				errhint(
					"doc/expressions.md and ehds.allowed_functions() list what may be written; or move the expression above the aggregates."));
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

/* Elements of a varying size that are not written by the analyst. */
#define MAX_ELEMENTS 32

static bool
own_text_walker(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return get_typlen(((Var *) node)->vartype) < 0 &&
			   classify((Walk *) arg, (Var *) node) == EHDS_COLUMN_OWN;
	return expression_tree_walker(node, own_text_walker, arg);
}

/* An array copies its elements: many large ones, which only the analyst would have, would be an error. */
static void
require_small_array(Walk *walk, ArrayExpr *array)
{
	int n = 0;
	ListCell *lc;

	if (get_typlen(array->element_typeid) >= 0)
		return;
	foreach(lc, array->elements)
	{
		if (IsA(lfirst(lc), Const))
			continue;
		n++;
		if (n > MAX_ELEMENTS || own_text_walker(lfirst(lc), walk))
			EHDS_REFUSE(walk->query_string, array,
						errmsg("an array beside personal data holds at most %d texts that are no constants, and none of "
							   "a table of your own",
							   MAX_ELEMENTS),
						errhint("Compare the columns one by one, with OR."));
	}
}

static bool
constant_is_sound(Walk *walk, Node *node)
{
	Const *folded = ehds_folded_constant(node);

	if (folded == NULL)
		return false;
	require_small_constant(walk, node, folded);
	return true;
}

static bool
harmless_walker(Node *node, void *arg)
{
	Walk *walk = (Walk *) arg;

	if (node == NULL)
		return false;
	ehds_require_current_collations(node, walk->query_string);

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
			if (constant_is_sound(walk, node) || ehds_is_sound_time(node))
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
			const char *why = f->funcretset || f->funcvariadic
								  ? REASON
								  : why_not(walk, f->funcid, f->inputcollid, f->args);
			EhdsLiteral literal;

			if (why != NULL)
				refuse_function(walk, native_name(f->funcid), node, "the function", why);
			/* these ask for the size of what they work on */
			if (ehds_is_total_version(f->funcid, &literal))
				return walk_operands(walk, f->args);
			break;
		}
		case T_OpExpr:
		case T_NullIfExpr:
		case T_DistinctExpr:
		{
			OpExpr *o = (OpExpr *) node;

			const char *why = why_not_operator(walk, o->opno, o->inputcollid, o->args);

			if (why != NULL)
				refuse_function(walk, get_opname(o->opno), node, "the operator", why);
			return walk_operands(walk, o->args);
		}
		case T_ScalarArrayOpExpr:
		{
			ScalarArrayOpExpr *o = (ScalarArrayOpExpr *) node;

			const char *why = why_not_list(walk, o);

			if (why != NULL)
				refuse_function(walk, get_opname(o->opno), node, "the operator", why);
			return walk_operands(walk, o->args);
		}
		case T_MinMaxExpr:
		{
			TypeCacheEntry *type = lookup_type_cache(((MinMaxExpr *) node)->minmaxtype, TYPECACHE_CMP_PROC);

			if (!OidIsValid(type->cmp_proc) || type->cmp_proc >= FirstUnpinnedObjectId ||
				!collation_is_sound(((MinMaxExpr *) node)->inputcollid, ((MinMaxExpr *) node)->args))
				refuse_function(walk, get_func_name(type->cmp_proc), node, "the comparison function", REASON);
			break;
		}
		case T_RowCompareExpr:
		{
			RowCompareExpr *r = (RowCompareExpr *) node;
			ListCell *op;
			ListCell *left;
			ListCell *right;
			ListCell *collation;

			forfour(op, r->opnos, left, r->largs, right, r->rargs, collation, r->inputcollids)
			{
				const char *why = why_not_operator(walk, lfirst_oid(op), lfirst_oid(collation),
												   list_make2(lfirst(left), lfirst(right)));

				if (why != NULL)
					refuse_function(walk, get_opname(lfirst_oid(op)), node, "the operator", why);
			}
			break;
		}
		case T_CoerceViaIO:
		{
			CoerceViaIO *cast = (CoerceViaIO *) node;

			if (!(cast->resulttype == TEXTOID || cast->resulttype == VARCHAROID) ||
				!prints(exprType((Node *) cast->arg)))
				refuse_function(walk,
								psprintf("from %s to %s", format_type_be(exprType((Node *) cast->arg)),
										 format_type_be(cast->resulttype)),
								node, "the cast", REASON);
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
			require_small_array(walk, (ArrayExpr *) node);
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
