/*
 * multiply.c
 *		Joins that could repeat a row of persons, and the unique keys by which they can't.
 */
#include "core/compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "gate/level.h"

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

bool
ehds_has_unique_key(Oid relid, Bitmapset *columns)
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

/* Does a query of one table give one row at most, by a unique key that is equated? */
bool
ehds_one_row_by_key(Query *query)
{
	Bitmapset *columns = NULL;
	RangeTblEntry *rte;
	Node *from;
	ListCell *lc;

	if (list_length(query->jointree->fromlist) != 1 || query->setOperations != NULL || query->hasTargetSRFs)
		return false;
	from = linitial(query->jointree->fromlist);
	if (!IsA(from, RangeTblRef))
		return false;
	rte = rt_fetch(((RangeTblRef *) from)->rtindex, query->rtable);
	if (rte->rtekind != RTE_RELATION)
		return false;
	foreach(lc, ehds_and_members(query->jointree->quals))
	{
		OpExpr *op = lfirst(lc);

		if (!IsA(op, OpExpr) || list_length(op->args) != 2 || !compares_bytes(op->inputcollid) ||
			!ehds_is_equality(op))
			continue;
		for (int side = 0; side < 2; side++)
		{
			Var *var = ehds_column_of(query, list_nth(op->args, side));

			if (var != NULL && var->varattno > 0 && !contain_vars_of_level(list_nth(op->args, 1 - side), 0))
				columns = bms_add_member(columns, var->varattno);
		}
	}
	return ehds_has_unique_key(rte->relid, columns);
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
			single[i] = ehds_has_unique_key(rte->relid, equated_columns(level, i, single));
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
