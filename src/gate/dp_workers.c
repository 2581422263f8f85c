/*
 * dp_workers.c
 *		May parallel workers take part in collecting for a release?
 *
 * What is decided here depends on what is public, sizes and what ANALYZE has found of
 * whole tables, and shows in a plan only.
 */
#include "core/compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_statistic.h"
#include "nodes/nodeFuncs.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "dp/collect.h"
#include "gate/dp_figure.h"

/*
 * Tables of more bytes are collected in one process (they are still read by all).
 * What a worker hands over has less than twice the bytes of the rows that it has
 * read, and can't be more than 1 GB; an error would tell of the data. Sizes of
 * tables are public.
 */
#define PARALLEL_BYTES (INT64CONST(512) * 1024 * 1024)
/* bytes of the shortest row, and those that may be handed over */
#define LEAST_ROW 32
#define HANDED_OVER (INT64CONST(1024) * 1024 * 1024)
/* how many times as long a text in TOAST is taken to be */
#define COMPRESSION 4
/*
 * Rows of a person from which on workers help where each makes a table of persons
 * (measured with two: 5 rows harm, 16 help by a fifth, 50 by two thirds).
 */
#define ROWS_FOR_WORKERS 15

/* Bytes of a table and its children, as long texts are before they are compressed. */
static int64
size_of(Oid relid)
{
	int64 bytes = 0;
	ListCell *lc;

	foreach(lc, find_all_inheritors(relid, AccessShareLock, NULL))
	{
		Relation rel = table_open(lfirst_oid(lc), NoLock);

		if (RELKIND_HAS_TABLE_AM(rel->rd_rel->relkind))
			bytes += (int64) RelationGetNumberOfBlocks(rel) * BLCKSZ;
		else if (rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
			bytes += PARALLEL_BYTES + 1;
		if (OidIsValid(rel->rd_rel->reltoastrelid))
		{
			Relation toast = table_open(rel->rd_rel->reltoastrelid, AccessShareLock);

			bytes += (int64) RelationGetNumberOfBlocks(toast) * BLCKSZ * COMPRESSION;
			table_close(toast, AccessShareLock);
		}
		table_close(rel, NoLock);
	}
	return bytes;
}

/* The one table that the query reads in its FROM; InvalidOid if it reads another thing. */
static Oid
only_table(Query *query)
{
	Node *from;
	RangeTblEntry *rte;

	if (list_length(query->jointree->fromlist) != 1 || query->setOperations != NULL || query->hasTargetSRFs)
		return InvalidOid;
	from = linitial(query->jointree->fromlist);
	if (!IsA(from, RangeTblRef))
		return InvalidOid;
	rte = rt_fetch(((RangeTblRef *) from)->rtindex, query->rtable);
	if (rte->rtekind == RTE_RELATION)
		return rte->relid;
	return rte->rtekind == RTE_SUBQUERY ? only_table(rte->subquery) : InvalidOid;
}

/* Rows of a person, as ANALYZE has estimated; 0: it has not. */
static double
rows_a_subject(Oid relid, AttrNumber attno)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	double rows = 0;
	double distinct = 0;

	if (HeapTupleIsValid(tuple))
	{
		rows = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid), Int16GetDatum(attno),
							BoolGetDatum(has_subclass(relid)));
	if (HeapTupleIsValid(tuple))
	{
		distinct = ((Form_pg_statistic) GETSTRUCT(tuple))->stadistinct;
		ReleaseSysCache(tuple);
	}
	if (distinct < 0)
		return -1 / distinct;
	return (rows > 0 && distinct > 0) ? rows / distinct : 0;
}

/*
 * May workers hand over what they have made of their rows, of which each takes at
 * most so many bytes in it beside its keys? Only of rows as one small table has
 * them: texts that the analyst makes and rows that a join repeats are not bounded by
 * a table's size.
 */
static bool
may_hand_over(Border *b, int64 bytes)
{
	Oid table = only_table(b->query);
	Oid relid;
	ListCell *lc;

	/* sizes and what ANALYZE has found are not for the eyes of who asks */
	if (b->gate->shown || !OidIsValid(table))
		return false;
	foreach(lc, b->keys)
	{
		Node *key = (Node *) ((TargetEntry *) lfirst(lc))->expr;

		if (get_typlen(exprType(key)) < 0 && ehds_table_column(b->query, key, &relid) == 0)
			return false;
	}
	return size_of(table) <= PARALLEL_BYTES && size_of(table) / LEAST_ROW * (bytes + LEAST_ROW) <= HANDED_OVER;
}

/*
 * May workers collect? Only if it helps. Integers and uuids without measures, or with
 * a few words that add up, are buffered (dp/collect_buffer.c), which it does with any
 * number of rows a person; of the others, where persons have few rows, each worker has nearly as many persons as
 * one process would, and uniting takes what was won. A subject that has one row
 * takes all of his places in what is handed over.
 */
bool
ehds_dp_workers_may_collect(Border *b, int max_groups, int n_words, bool with_values)
{
	Node *subject = linitial(b->subjects);
	Oid relid = InvalidOid;
	AttrNumber column = ehds_table_column(b->query, subject, &relid);
	bool buffered = !with_values && n_words <= EHDS_BUFFER_WORDS_MAX && get_typlen(exprType(subject)) > 0;

	return column != 0 && may_hand_over(b, max_groups * (1 + n_words) * (int) sizeof(uint64)) &&
		   (buffered || rows_a_subject(only_table(b->query), column) >= ROWS_FOR_WORKERS);
}

/* A group that has one row has a count, sums, and words of its keys. */
bool
ehds_dp_workers_may_tally(Border *b, int n_statistics)
{
	int64 bytes = (2 + list_length(b->keys)) * (int) sizeof(uint64) + n_statistics * (int) sizeof(int128);

	return may_hand_over(b, bytes);
}
