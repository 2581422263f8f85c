/*
 * release.c
 *		What releases of both kinds are made from.
 *
 * The parts that are ours are written in SQL and parsed, with a placeholder of
 * the same column types where the analyst's FROM and WHERE go: the parser then
 * finds operators and builds windows as the server's major wants them.
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "core/errors.h"
#include "gate/border.h"

/* Parse one SELECT of ours. Everything in it is schema-qualified. */
Query *
ehds_parse_template(const char *sql)
{
	List *raw = pg_parse_query(sql);

	return parse_analyze_fixedparams(linitial_node(RawStmt, raw), sql, NULL, 0, NULL);
}

Node *
ehds_parse_expression(const char *sql)
{
	Query *q = ehds_parse_template(sql);

	return (Node *) ((TargetEntry *) linitial(q->targetList))->expr;
}

char *
ehds_type_name(Oid type)
{
	/* "character" would be of length 1 */
	if (type == BPCHAROID)
		return "pg_catalog.bpchar";
	return format_type_extended(type, -1, FORMAT_TYPE_FORCE_QUALIFY);
}

/*
 * The moved part is now at another depth: references to WITH queries outside it
 * must count the levels anew. Those queries must be the statement's own.
 */
typedef struct
{
	EhdsGate *gate;
	int level; /* inside the moved query: 0 at its top */
	int from;  /* depth at which it was */
	int to;
	bool own_list; /* its WITH list came with it */
} Move;

static bool
move_walker(Node *node, void *arg)
{
	Move *m = (Move *) arg;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_CTE && (int) rte->ctelevelsup >= m->level + (m->own_list ? 1 : 0))
		{
			if ((int) rte->ctelevelsup != m->level + m->from)
				ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
								errmsg("WITH inside a subquery is read by an aggregation of another level"),
								errhint("Move the WITH clause to the beginning of the statement.")));
			rte->ctelevelsup = m->level + m->to;
		}
		return false;
	}
	if (IsA(node, Query))
	{
		bool result;

		m->level++;
		result = query_tree_walker((Query *) node, move_walker, arg, QTW_EXAMINE_RTES_BEFORE);
		m->level--;
		return result;
	}
	return expression_tree_walker(node, move_walker, arg);
}

void
ehds_move_query(EhdsGate *gate, Query *query, int from, int to, bool own_list)
{
	Move m = {gate, 0, from, to, own_list};

	(void) query_tree_walker(query, move_walker, &m, QTW_EXAMINE_RTES_BEFORE);
}

/* The analyst's FROM and WHERE, without anything that belongs above the border. */
Query *
ehds_below(Query *query, int depth)
{
	Query *q = makeNode(Query);

	*q = *query;
	q->targetList = NIL;
	q->groupClause = NIL;
	q->groupingSets = NIL;
	q->groupDistinct = false;
	q->havingQual = NULL;
	q->windowClause = NIL;
	q->distinctClause = NIL;
	q->sortClause = NIL;
	q->limitCount = q->limitOffset = NULL;
	q->hasAggs = q->hasWindowFuncs = q->hasTargetSRFs = q->hasDistinctOn = false;
	q->constraintDeps = NIL;
	if (depth == 0)
	{
		q->cteList = NIL;
		q->hasRecursive = false;
	}
	return q;
}

/* A group key as it is released: equal keys must look the same, -0 and 0 as well. */
Expr *
ehds_canonical_key(Expr *key)
{
	Oid type = exprType((Node *) key);

	if (type == NUMERICOID)
		return (Expr *) makeFuncExpr(F_TRIM_SCALE, NUMERICOID, list_make1(copyObject(key)), InvalidOid,
									 InvalidOid, COERCE_EXPLICIT_CALL);
	if (type == BPCHAROID && exprTypmod((Node *) key) >= 0)
		/* a cast of the analyst's own may have put values of other lengths into his char(n) */
		return (Expr *) makeFuncExpr(F_BPCHAR_BPCHAR_INT4_BOOL, BPCHAROID,
									 list_make3(copyObject(key),
												makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
														  Int32GetDatum(exprTypmod((Node *) key)), false, true),
												makeBoolConst(true, false)),
									 exprCollation((Node *) key), exprCollation((Node *) key),
									 COERCE_EXPLICIT_CAST);
	if (type == FLOAT8OID)
	{
		/* -0 is 0, and all that is not a number is the same */
		CaseExpr *c = (CaseExpr *) ehds_parse_expression(
			"SELECT CASE WHEN NULL::pg_catalog.float8 OPERATOR(pg_catalog.=) 'NaN'::pg_catalog.float8 "
			"THEN 'NaN'::pg_catalog.float8 ELSE NULL::pg_catalog.float8 OPERATOR(pg_catalog.+) '0'::pg_catalog.float8 END");

		linitial(((OpExpr *) linitial_node(CaseWhen, c->args)->expr)->args) = copyObject(key);
		linitial(((OpExpr *) c->defresult)->args) = copyObject(key);
		return (Expr *) c;
	}
	return copyObject(key);
}

/* bytes of a key */
#define KEY_MAX (64 * 1024)

/*
 * The same where keys are copied: a text of hundreds of megabytes, which only the
 * analyst would have, is NULL, or the error would come with the first person in its
 * group.  Its length is known without reading it.
 */
Expr *
ehds_bounded_key(Expr *key)
{
	Oid type = getBaseType(exprType((Node *) key));
	Node *copy = copyObject((Node *) key);
	OpExpr *fits;

	/* varchar(n) says nothing: a cast of the analyst's own may have put longer ones into his column */
	if (type != TEXTOID && type != VARCHAROID)
		return ehds_canonical_key(key);
	if (exprType(copy) != TEXTOID)
		copy = (Node *) makeRelabelType((Expr *) copy, TEXTOID, -1, exprCollation(copy), COERCE_IMPLICIT_CAST);
	fits = (OpExpr *) ehds_parse_expression(
		psprintf("SELECT pg_catalog.octet_length(NULL::pg_catalog.text) OPERATOR(pg_catalog.<=) %d", KEY_MAX));
	linitial(castNode(FuncExpr, linitial(fits->args))->args) = copy;
	return (Expr *) ehds_if_else((Node *) fits, (Node *) ehds_canonical_key(key),
								 (Node *) makeNullConst(exprType((Node *) key), exprTypmod((Node *) key),
														exprCollation((Node *) key)));
}
