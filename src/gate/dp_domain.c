/*
 * dp_domain.c
 *		Groups whose keys are public, so that all of them are released, empty ones too.
 *
 * Keys that are boolean have a domain that everybody knows.  An outer join that
 * keeps the rows of public tables declares one: a query that groups by columns of
 * theirs gives a row for each key, whether or not there are persons, if no
 * condition on rows of persons takes keys away.  Nothing of the data decides which
 * groups are shown then, and no delta is spent on it.
 */
#include "core/compat.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"

#include "gate/dp_figure.h"
#include "gate/level.h"

/* keys that are combined */
#define BOOLEAN_KEYS_MAX 4

static void
add_entries(Node *node, Bitmapset **entries)
{
	ListCell *lc;

	if (IsA(node, RangeTblRef))
		*entries = bms_add_member(*entries, ((RangeTblRef *) node)->rtindex);
	else if (IsA(node, JoinExpr))
	{
		*entries = bms_add_member(*entries, ((JoinExpr *) node)->rtindex);
		add_entries(((JoinExpr *) node)->larg, entries);
		add_entries(((JoinExpr *) node)->rarg, entries);
	}
	else
		foreach(lc, castNode(FromExpr, node)->fromlist)
			add_entries(lfirst(lc), entries);
}

static bool
is_of(Node *expression, Bitmapset *entries)
{
	return !checkExprHasSubLink(expression) && bms_is_subset(pull_varnos(NULL, expression), entries);
}

/* A key as an expression over the entries, NULL if it is none. */
static Node *
key_of(Query *query, Node *key, Bitmapset *entries)
{
	Var *column = ehds_column_of(query, key);

	if (column != NULL && exprType((Node *) column) == exprType(key) &&
		exprCollation((Node *) column) == exprCollation(key))
		key = (Node *) column;
	return is_of(key, entries) ? copyObject(key) : NULL;
}

/* The keys of the public rows that an outer join keeps, NULL if there are none such. */
static Query *
kept_keys(Border *b, int depth)
{
	FromExpr *from = b->query->jointree;
	Bitmapset *entries = NULL;
	JoinExpr *join;
	Node *kept;
	Query *q;
	List *targets = NIL;
	ListCell *lc;
	int n = 0;

	if (!b->level->optional || list_length(from->fromlist) != 1 || !IsA(linitial(from->fromlist), JoinExpr))
		return NULL;
	join = linitial(from->fromlist);
	if (join->jointype != JOIN_LEFT && join->jointype != JOIN_RIGHT)
		return NULL;
	kept = join->jointype == JOIN_LEFT ? join->larg : join->rarg;
	add_entries(kept, &entries);
	if (from->quals != NULL && !is_of(from->quals, entries))
		return NULL;
	foreach(lc, b->keys)
	{
		Node *key = key_of(b->query, (Node *) ((TargetEntry *) lfirst(lc))->expr, entries);

		if (key == NULL)
			return NULL;
		n++;
		targets = lappend(targets,
						  makeTargetEntry(ehds_bounded_key((Expr *) key), n, psprintf("g%d", n), false));
	}

	q = copyObject(ehds_below(b->query, depth));
	q->targetList = targets;
	q->jointree = makeFromExpr(list_make1(copyObject(kept)), copyObject(from->quals));
	n = 0;
	foreach(lc, q->rtable)
	{
		RangeTblEntry *unused;

		if (bms_is_member(++n, entries))
			continue;
		unused = makeNode(RangeTblEntry);
		unused->rtekind = RTE_RESULT;
		unused->eref = makeAlias("unused", NIL);
		lfirst(lc) = unused;
	}
	return q;
}

/* All values of boolean keys, as SQL. */
static char *
boolean_keys(Border *b)
{
	StringInfoData columns;
	StringInfoData from;
	ListCell *lc;
	int n = 0;

	initStringInfo(&columns);
	initStringInfo(&from);
	if (list_length(b->keys) > BOOLEAN_KEYS_MAX)
		return NULL;
	foreach(lc, b->keys)
	{
		Node *key = (Node *) ((TargetEntry *) lfirst(lc))->expr;
		bool never_null = ehds_column_of(b->query, key) != NULL && ehds_is_never_null(b, key);

		if (exprType(key) != BOOLOID)
			return NULL;
		n++;
		appendStringInfo(&columns, "%sv%d.g AS g%d", n > 1 ? ", " : "", n, n);
		appendStringInfo(&from, "%s(VALUES (false), (true)%s) v%d(g)", n > 1 ? ", " : "",
						 never_null ? "" : ", (NULL::pg_catalog.bool)", n);
	}
	return psprintf("(SELECT %s FROM %s) pk", columns.data, from.data);
}

/*
 * SQL that gives all keys, NULL if they are not public. If it has a placeholder
 * in its place, *keys is the query that is to stand there.
 */
char *
ehds_dp_domain(Border *b, int depth, Query **keys)
{
	StringInfoData placeholder;
	ListCell *lc;
	int n = 0;

	*keys = NULL;
	if (b->keys == NIL)
		return NULL;
	*keys = kept_keys(b, depth);
	if (*keys == NULL)
		return boolean_keys(b);
	initStringInfo(&placeholder);
	foreach(lc, b->keys)
	{
		n++;
		appendStringInfo(&placeholder, "%s%s AS g%d", n > 1 ? ", " : "",
						 ehds_dp_null_key((Node *) ((TargetEntry *) lfirst(lc))->expr), n);
	}
	return psprintf("(SELECT %s) pk", placeholder.data);
}
