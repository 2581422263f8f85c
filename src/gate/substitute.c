/*
 * substitute.c
 *		Puts total versions in the place of built-in functions that may raise.
 *
 * It runs on a query that reads personal data before its expressions are checked,
 * on everything in it alike: a group key and what repeats it must stay equal. What
 * could not be replaced, or was forgotten, is refused by expressions.c.
 */
#include "core/compat.h"

#include "access/transam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"

#include "gate/allowed.h"
#include "gate/gate.h"

typedef struct
{
	EhdsClassify classify; /* NULL: all columns are a companion's */
	void *context;
	bool aggregates; /* aggregates are within a person, so there is no border here */
	bool printed;    /* the result is printed: no call may look like a cast */
} Substitution;

static Node *substitute(Node *node, void *arg);

static bool
has_input(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) || IsA(node, Param) || IsA(node, SubLink) || IsA(node, CaseTestExpr) ||
		IsA(node, Query))
		return true;
	return expression_tree_walker(node, has_input, context);
}

/* Computed above the border: there an error tells of released figures only. */
static bool
is_above(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref) || IsA(node, WindowFunc) || IsA(node, GroupingFunc))
		return true;
	return expression_tree_walker(node, is_above, context);
}

static bool
is_sql_function(Oid funcid)
{
	HeapTuple tuple;
	bool result;

	if (funcid >= FirstUnpinnedObjectId)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_proc) GETSTRUCT(tuple))->prolang == SQLlanguageId;
	ReleaseSysCache(tuple);
	return result;
}

static bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
}

static Node *
as_text(Node *node)
{
	CoerceViaIO *cast;

	if (exprType(node) == TEXTOID)
		return node;
	if (exprType(node) == VARCHAROID)
		return (Node *) makeRelabelType((Expr *) node, TEXTOID, -1, exprCollation(node), COERCE_IMPLICIT_CAST);
	cast = makeNode(CoerceViaIO);
	cast->arg = (Expr *) node;
	cast->resulttype = TEXTOID;
	cast->resultcollid = DEFAULT_COLLATION_OID;
	cast->coerceformat = COERCE_IMPLICIT_CAST;
	cast->location = exprLocation(node);
	return (Node *) cast;
}

/* concat(a, b, ...): of the values that are not NULL */
static Node *
concatenation(FuncExpr *f)
{
	Node *result = NULL;
	ListCell *lc;

	foreach(lc, f->args)
	{
		CoalesceExpr *value = makeNode(CoalesceExpr);
		Node *text = as_text(lfirst(lc));

		value->coalescetype = TEXTOID;
		value->coalescecollid = f->inputcollid;
		value->args = list_make2(text, makeConst(TEXTOID, -1, f->inputcollid, -1, CStringGetTextDatum(""),
												 false, false));
		value->location = f->location;
		result = result == NULL ? (Node *) value
								: (Node *) makeFuncExpr(F_TEXTCAT, TEXTOID, list_make2(result, value),
														f->inputcollid, f->inputcollid, COERCE_EXPLICIT_CALL);
	}
	return result;
}

static bool
is_permit_column(Substitution *s, Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node != NULL && IsA(node, Var) && ((Var *) node)->varlevelsup == 0 && s->classify != NULL &&
		   s->classify((Var *) node, s->context) == EHDS_COLUMN_OF_PERMIT;
}

/* May it stay as it is? The checker asks again, more strictly. */
static bool
may_stay(Substitution *s, Oid funcid, List *args)
{
	switch (ehds_allowed(funcid))
	{
		case EHDS_REPLACED:
			return false;
		case EHDS_OF_COLUMN:
			return is_permit_column(s, linitial(args));
		case EHDS_OF_PATTERN:
			return ehds_is_sound_pattern(lsecond(args));
		default:
			return true;
	}
}

/* The like with indexes: patterns on a column of the permit, which are of any size. */
static bool
is_indexable_pattern(Substitution *s, Oid funcid, List *args, Oid collation)
{
	switch (funcid)
	{
		case F_TEXTICLIKE:
		case F_TEXTICNLIKE:
			return is_permit_column(s, linitial(args)) && ehds_is_sound_pattern(lsecond(args));
		case F_TEXTREGEXEQ:
		case F_TEXTREGEXNE:
		case F_TEXTICREGEXEQ:
		case F_TEXTICREGEXNE:
			return is_permit_column(s, linitial(args)) &&
				   ehds_wrong_literal(EHDS_LITERAL_REGEX, funcid, args, collation) == NULL;
		default:
			return false;
	}
}

static Node *
replace_call(Substitution *s, Node *node, Oid funcid, Oid result, Oid collation, Oid input_collation,
			 List *args, CoercionForm format, int location)
{
	Oid total;
	FuncExpr *call;
	EhdsLiteral literal;

	if (may_stay(s, funcid, args) || is_indexable_pattern(s, funcid, args, input_collation))
		return node;
	total = ehds_total_version(funcid);
	/* the checker says of the built-in function what is wrong */
	if (!OidIsValid(total) || !ehds_is_total_version(total, &literal) ||
		ehds_wrong_literal(literal, funcid, args, input_collation) != NULL)
		return node;
	if (get_func_rettype(total) != result)
		elog(ERROR, "total version %u of function %u gives another type", total, funcid);
	if (s->printed || format == COERCE_SQL_SYNTAX)
		format = COERCE_EXPLICIT_CALL;
	call = makeFuncExpr(total, result, args, collation, input_collation, format);
	call->location = location;
	return (Node *) call;
}

static Node *
replace_input(Substitution *s, CoerceViaIO *cast)
{
	Oid total;
	FuncExpr *call;
	Node *value = (Node *) cast->arg;

	if (!is_text(exprType(value)))
		return (Node *) cast;
	total = ehds_total_from_text(cast->resulttype);
	if (!OidIsValid(total))
		return (Node *) cast;
	if (get_func_rettype(total) != cast->resulttype)
		elog(ERROR, "total version %u of a cast gives another type", total);
	if (exprType(value) != TEXTOID)
		value = (Node *) makeRelabelType((Expr *) value, TEXTOID, -1, exprCollation(value),
										 COERCE_IMPLICIT_CAST);
	call = makeFuncExpr(total, cast->resulttype, list_make1(value), cast->resultcollid, DEFAULT_COLLATION_OID,
						s->printed ? COERCE_EXPLICIT_CALL : cast->coerceformat);
	call->location = cast->location;
	return (Node *) call;
}

static Node *
substitute(Node *node, void *arg)
{
	Substitution *s = (Substitution *) arg;
	bool above;

	if (node == NULL)
		return NULL;
	switch (nodeTag(node))
	{
		case T_Query:
			return node; /* has its own turn */
		case T_FuncExpr:
		case T_OpExpr:
		case T_CoerceViaIO:
			break;
		default:
			return expression_tree_mutator(node, substitute, arg);
	}

	/* what no row can change is folded by the planner, and may then use an index */
	above = is_above(node, NULL);
	if (!has_input(node, NULL) && !above && !contain_mutable_functions(node))
		return node;
	if (above && s->aggregates)
		above = false;

	if (IsA(node, FuncExpr) && !above && is_sql_function(((FuncExpr *) node)->funcid))
	{
		Node *body = eval_const_expressions(NULL, copyObject(node));

		if (!IsA(body, FuncExpr) || ((FuncExpr *) body)->funcid != ((FuncExpr *) node)->funcid)
			return substitute(body, arg);
	}
	if (IsA(node, OpExpr) && !above && ((OpExpr *) node)->opno < FirstUnpinnedObjectId &&
		is_sql_function(get_opcode(((OpExpr *) node)->opno)))
	{
		Node *body = eval_const_expressions(NULL, copyObject(node));

		if (!IsA(body, OpExpr) || ((OpExpr *) body)->opno != ((OpExpr *) node)->opno)
			return substitute(body, arg);
	}
	if (IsA(node, FuncExpr) && !above && ((FuncExpr *) node)->funcid == F_CONCAT &&
		!((FuncExpr *) node)->funcvariadic && ((FuncExpr *) node)->args != NIL)
		return substitute(concatenation((FuncExpr *) node), arg);

	node = expression_tree_mutator(node, substitute, arg);
	if (above)
		return node;
	if (IsA(node, FuncExpr))
	{
		FuncExpr *f = (FuncExpr *) node;

		if (f->funcretset || f->funcvariadic || f->funcid >= FirstUnpinnedObjectId)
			return node;
		return replace_call(s, node, f->funcid, f->funcresulttype, f->funccollid, f->inputcollid, f->args,
							f->funcformat, f->location);
	}
	if (IsA(node, OpExpr))
	{
		OpExpr *o = (OpExpr *) node;

		/* the planner may put a commutator of a user's in the place of a user's operator */
		if (o->opretset || o->opno >= FirstUnpinnedObjectId)
			return node;
		return replace_call(s, node, get_opcode(o->opno), o->opresulttype, o->opcollid, o->inputcollid,
							o->args, COERCE_EXPLICIT_CALL, o->location);
	}
	return replace_input(s, (CoerceViaIO *) node);
}

/* All expressions of one query, not of those inside it. */
void
ehds_substitute(Query *query, bool aggregates, EhdsClassify classify, void *context)
{
	Substitution s = {classify, context, aggregates, false};
	ListCell *lc;

	query->targetList = (List *) substitute((Node *) query->targetList, &s);
	query->jointree = (FromExpr *) substitute((Node *) query->jointree, &s);
	query->havingQual = substitute(query->havingQual, &s);
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rte->rtekind == RTE_VALUES)
			rte->values_lists = (List *) substitute((Node *) rte->values_lists, &s);
	}
}

void
ehds_substitute_outputs(Query *query, EhdsClassify classify, void *context)
{
	Substitution s = {classify, context, true, false};

	query->targetList = (List *) substitute((Node *) query->targetList, &s);
	query->havingQual = substitute(query->havingQual, &s);
}

/* One expression, which will be printed and read again. */
Node *
ehds_substitute_printed(Node *node, EhdsClassify classify, void *context)
{
	Substitution s = {classify, context, false, true};

	return substitute(node, &s);
}
