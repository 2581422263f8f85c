/*
 * joins.c
 *		Joins of personal data on the subject.
 *
 * Rows of different persons must never meet in one row: every two tracked
 * entries of a FROM are connected by equalities of their subjects. An outer
 * join connects what it adds, but the subject that it adds may be NULL and is
 * not one to count by.
 */
#include "core/compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "core/errors.h"
#include "gate/level.h"

/* Follows a column through join aliases to the entry that it comes from. */
Var *
ehds_column_of(Query *query, Node *node)
{
	node = ehds_strip_casts(node);
	while (node != NULL && IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
	{
		Var *var = (Var *) node;
		RangeTblEntry *rte = rt_fetch(var->varno, query->rtable);

		if (rte->rtekind != RTE_JOIN || var->varattno <= 0)
			return var;
		node = ehds_strip_casts(list_nth(rte->joinaliasvars, var->varattno - 1));
	}
	return NULL;
}

/* The range table index of the entry whose subject node is, 0 if it is none. */
int
ehds_subject_of(Level *level, Node *node)
{
	Var *var = ehds_column_of(level->query, node);

	if (var == NULL || !level->types[var->varno].tracked ||
		!bms_is_member(var->varattno, level->types[var->varno].subjects))
		return 0;
	return var->varno;
}

EhdsColumn
ehds_classify(Var *var, void *context)
{
	Level *level = (Level *) context;
	Var *column = ehds_column_of(level->query, (Node *) var);
	RangeTblEntry *rte;

	if (ehds_subject_of(level, (Node *) var) != 0)
		return EHDS_COLUMN_SUBJECT;
	if (column == NULL)
		return EHDS_COLUMN_OWN;
	if (level->types[column->varno].tracked)
		return EHDS_COLUMN_OF_PERMIT;
	rte = rt_fetch(column->varno, level->query->rtable);
	return rte->rtekind == RTE_RELATION && ehds_is_public(rte->relid) ? EHDS_COLUMN_OF_PERMIT
																	  : EHDS_COLUMN_OWN;
}

void
ehds_require_harmless_in(Level *level, Node *node)
{
	ehds_require_harmless(node, level->gate->query_string, ehds_classify, level);
}

static int
find_component(Level *level, int i)
{
	while (level->component[i] != i)
		i = level->component[i];
	return i;
}

static void
unite(Level *level, int a, int b)
{
	level->component[find_component(level, a)] = find_component(level, b);
}

/* Equality of two subjects by the built-in operator of their type? */
static bool
is_subject_equality(Level *level, Node *node, int *a, int *b)
{
	OpExpr *op = (OpExpr *) node;
	TypeCacheEntry *type;
	Node *left;

	if (!IsA(node, OpExpr) || list_length(op->args) != 2)
		return false;
	*a = ehds_subject_of(level, linitial(op->args));
	*b = ehds_subject_of(level, lsecond(op->args));
	if (*a == 0 || *b == 0)
		return false;
	left = linitial(op->args);
	type = lookup_type_cache(exprType(left), TYPECACHE_BTREE_OPFAMILY);
	return OidIsValid(type->btree_opf) &&
		   get_op_opfamily_strategy(op->opno, type->btree_opf) == BTEqualStrategyNumber;
}

static List *
and_members(Node *quals)
{
	if (quals == NULL)
		return NIL;
	if (is_andclause(quals))
	{
		List *members = NIL;
		ListCell *lc;

		foreach(lc, ((BoolExpr *) quals)->args)
			members = list_concat(members, and_members(lfirst(lc)));
		return members;
	}
	return list_make1(quals);
}

/* One component at most among the entries of a list? */
bool
ehds_connected(Level *level, List *entries)
{
	ListCell *lc;

	foreach(lc, entries)
	{
		if (find_component(level, lfirst_int(lc)) != find_component(level, linitial_int(entries)))
			return false;
	}
	return true;
}

/* Is an entry of one list joined on the subject to an entry of the other? */
static bool
joined(Level *level, List *some, List *others)
{
	ListCell *a;
	ListCell *b;

	foreach(a, some)
	{
		foreach(b, others)
		{
			if (find_component(level, lfirst_int(a)) == find_component(level, lfirst_int(b)))
				return true;
		}
	}
	return false;
}

void
ehds_refuse_unjoined(Level *level, Node *where)
{
	EHDS_REFUSE(level->gate->query_string, where,
				errmsg("two tables of the permit are joined, but not on the subject"),
				errdetail("Rows of one person would be combined with rows of another."),
				errhint(
					"Add the equality of the two subject columns to the join condition, as in ON a.person_id = b.person_id."));
}

/*
 * Types a join tree. Returns the tracked entries whose subject is not made NULL
 * by an outer join; quals are checked on the way.
 */
List *
ehds_check_jointree(Level *level, Node *node)
{
	if (IsA(node, RangeTblRef))
	{
		int i = ((RangeTblRef *) node)->rtindex;

		return level->types[i].tracked ? list_make1_int(i) : NIL;
	}
	else if (IsA(node, FromExpr))
	{
		FromExpr *from = (FromExpr *) node;
		List *entries = NIL;
		ListCell *lc;
		int a, b;

		foreach(lc, from->fromlist)
			entries = list_concat(entries, ehds_check_jointree(level, lfirst(lc)));
		level->conditions = list_concat(level->conditions, and_members(from->quals));
		foreach(lc, and_members(from->quals))
		{
			if (is_subject_equality(level, lfirst(lc), &a, &b))
				unite(level, a, b);
			else
				ehds_require_harmless_in(level, lfirst(lc));
		}
		return entries;
	}
	else
	{
		JoinExpr *join = castNode(JoinExpr, node);
		List *left = ehds_check_jointree(level, join->larg);
		List *right = ehds_check_jointree(level, join->rarg);
		List *inner; /* the side that an outer join may fill with NULL */
		Node *added;
		ListCell *lc;
		int a, b;

		if (join->jointype == JOIN_FULL)
			EHDS_REFUSE(level->gate->query_string, NULL,
						errmsg("FULL JOIN of personal data is not supported under a statistics permit"),
						errhint("Use JOIN or LEFT JOIN on the subject."));

		if (join->jointype == JOIN_INNER)
		{
			level->conditions = list_concat(level->conditions, and_members(join->quals));
			foreach(lc, and_members(join->quals))
			{
				if (is_subject_equality(level, lfirst(lc), &a, &b))
					unite(level, a, b);
				else
					ehds_require_harmless_in(level, lfirst(lc));
			}
			return list_concat(left, right);
		}

		added = join->rarg;
		if (join->jointype == JOIN_RIGHT)
		{
			List *swap = left;

			left = right;
			right = swap;
			added = join->larg;
		}
		inner = right;
		if (IsA(added, RangeTblRef))
			level->added_on[((RangeTblRef *) added)->rtindex] = and_members(join->quals);
		if (inner != NIL && left == NIL)
			EHDS_REFUSE(level->gate->query_string, NULL,
						errmsg(
							"an outer join that keeps the rows of a public table and adds personal data is not supported"),
						errhint("Use an inner JOIN: groups without any person are then left out."));
		if (!ehds_connected(level, inner))
			ehds_refuse_unjoined(level, join->quals);
		/*
		 * ON of an outer join does not filter the side that is kept, so it can't
		 * be what joins two tables of that side.
		 */
		if (inner != NIL && !ehds_connected(level, left))
			ehds_refuse_unjoined(level, join->quals);
		foreach(lc, and_members(join->quals))
		{
			if (is_subject_equality(level, lfirst(lc), &a, &b))
			{
				/* an equality within one side filters, it does not join */
				if (list_member_int(inner, a) != list_member_int(inner, b))
					unite(level, a, b);
			}
			else
				ehds_require_harmless_in(level, lfirst(lc));
		}
		if (inner != NIL && !joined(level, inner, left))
			ehds_refuse_unjoined(level, join->quals);
		return left;
	}
}

/* Compares by bytes, so that what an index says is unique is one row? */
static bool
compares_bytes(Oid collation)
{
	return !OidIsValid(collation) || get_collation_isdeterministic(collation);
}

/*
 * Columns of entry i that a condition equates with constants and with entries of
 * which a row of persons is known to meet one row.
 */
static Bitmapset *
equated_columns(Level *level, int i, const bool *single)
{
	Bitmapset *columns = NULL;
	ListCell *lc;

	foreach(lc, list_concat_copy(level->conditions, level->added_on[i]))
	{
		OpExpr *op = lfirst(lc);

		if (!IsA(op, OpExpr) || list_length(op->args) != 2 || !compares_bytes(op->inputcollid))
			continue;
		for (int side = 0; side < 2; side++)
		{
			Var *var = ehds_column_of(level->query, list_nth(op->args, side));
			Node *other = list_nth(op->args, 1 - side);
			TypeCacheEntry *type;
			Bitmapset *others;
			int member = -1;
			bool known = true;

			if (var == NULL || var->varno != i || var->varattno <= 0)
				continue;
			if (ehds_column_of(level->query, other) != NULL)
				other = (Node *) ehds_column_of(level->query, other);
			others = pull_varnos(NULL, other);
			while ((member = bms_next_member(others, member)) >= 0)
				known = known && single[member];
			if (!known)
				continue;
			type = lookup_type_cache(exprType(list_nth(op->args, side)), TYPECACHE_BTREE_OPFAMILY);
			if (OidIsValid(type->btree_opf) &&
				get_op_opfamily_strategy(op->opno, type->btree_opf) == BTEqualStrategyNumber)
				columns = bms_add_member(columns, var->varattno);
		}
	}
	return columns;
}

/* Is there a unique key of the table within these columns? */
static bool
has_unique_key(Oid relid, Bitmapset *columns)
{
	Relation rel = table_open(relid, AccessShareLock);
	ListCell *lc;
	bool unique = false;

	foreach(lc, RelationGetIndexList(rel))
	{
		Relation index = index_open(lfirst_oid(lc), AccessShareLock);
		Form_pg_index form = index->rd_index;
		bool covered = form->indisunique && form->indimmediate && form->indisvalid &&
					   heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL);

		for (int key = 0; key < form->indnkeyatts && covered; key++)
			covered = bms_is_member(form->indkey.values[key], columns) &&
					  compares_bytes(index->rd_indcollation[key]);
		unique = unique || covered;
		index_close(index, AccessShareLock);
	}
	/* a unique index says nothing about rows of children that inherit */
	if (rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE && rel->rd_rel->relhassubclass)
		unique = false;
	table_close(rel, AccessShareLock);
	return unique;
}

/*
 * Can a row of persons meet more than one row of the public entries? Then the
 * analyst chooses how often a row counts, and a sum of rows is a channel: rare
 * rows a thousand times, the others once, and the last digits tell the rare.
 */
bool
ehds_may_multiply(Level *level)
{
	int n = list_length(level->query->rtable);
	bool *single = palloc0(sizeof(bool) * (n + 1));
	bool found = true;

	for (int i = 1; i <= n; i++)
	{
		RangeTblEntry *rte = rt_fetch(i, level->query->rtable);

		if (level->types[i].tracked && level->types[i].multiplied)
			return true;
		/* entries that are no source of rows of their own */
		single[i] = level->types[i].tracked || !rte->inFromCl;
	}
	while (found)
	{
		found = false;
		for (int i = 1; i <= n; i++)
		{
			RangeTblEntry *rte = rt_fetch(i, level->query->rtable);

			if (single[i] || rte->rtekind != RTE_RELATION)
				continue;
			single[i] = has_unique_key(rte->relid, equated_columns(level, i, single));
			found = found || single[i];
		}
	}
	for (int i = 1; i <= n; i++)
	{
		if (!single[i] && rt_fetch(i, level->query->rtable)->rtekind != RTE_JOIN)
			return true;
	}
	return false;
}
