/*
 * sizes.c
 *		Functions that tell sizes, closed to those who work under permits.
 *
 * PostgreSQL lets everybody ask for the size of every relation. A sealed table of one
 * person has a page and an empty one has none, so the size would be an answer about
 * persons, at will. Positions in the write-ahead log tell the same of what has just
 * been written, and counters of rows do it outright. The size of a tablespace has the
 * temporary files of queries that run, in which persons are sorted.
 */
#include "core/compat.h"

#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "access/transam.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "core/errors.h"
#include "gate/gate.h"

static object_access_hook_type next_object_access = NULL;

/* Does the size of temporary files come out of it? */
static bool
tells_temporary(Oid function)
{
	return function == F_PG_TABLESPACE_SIZE_OID || function == F_PG_TABLESPACE_SIZE_NAME;
}

/* Does a relation's or the database's size, now, come out of it? */
static bool
tells_size(Oid function)
{
	switch (function)
	{
		case F_PG_RELATION_SIZE_REGCLASS:
		case F_PG_RELATION_SIZE_REGCLASS_TEXT:
		case F_PG_TABLE_SIZE:
		case F_PG_INDEXES_SIZE:
		case F_PG_TOTAL_RELATION_SIZE:
		case F_PG_DATABASE_SIZE_OID:
		case F_PG_DATABASE_SIZE_NAME:
		case F_PG_TABLESPACE_SIZE_OID:
		case F_PG_TABLESPACE_SIZE_NAME:
			return true;
		default:
			return false;
	}
}

/* Does it count rows or blocks that were touched? (ehds.harden() closes these to everybody.) */
static bool
tells_rows(Oid function)
{
	switch (function)
	{
		case F_PG_STAT_GET_NUMSCANS:
		case F_PG_STAT_GET_TUPLES_RETURNED:
		case F_PG_STAT_GET_TUPLES_FETCHED:
		case F_PG_STAT_GET_TUPLES_INSERTED:
		case F_PG_STAT_GET_TUPLES_UPDATED:
		case F_PG_STAT_GET_TUPLES_DELETED:
		case F_PG_STAT_GET_TUPLES_HOT_UPDATED:
		case F_PG_STAT_GET_LIVE_TUPLES:
		case F_PG_STAT_GET_DEAD_TUPLES:
		case F_PG_STAT_GET_MOD_SINCE_ANALYZE:
		case F_PG_STAT_GET_INS_SINCE_VACUUM:
		case F_PG_STAT_GET_BLOCKS_FETCHED:
		case F_PG_STAT_GET_BLOCKS_HIT:
		case F_PG_STAT_GET_XACT_NUMSCANS:
		case F_PG_STAT_GET_XACT_TUPLES_RETURNED:
		case F_PG_STAT_GET_XACT_TUPLES_FETCHED:
		case F_PG_STAT_GET_XACT_TUPLES_INSERTED:
		case F_PG_STAT_GET_XACT_TUPLES_UPDATED:
		case F_PG_STAT_GET_XACT_TUPLES_DELETED:
		case F_PG_STAT_GET_XACT_TUPLES_HOT_UPDATED:
		case F_PG_STAT_GET_XACT_BLOCKS_FETCHED:
		case F_PG_STAT_GET_XACT_BLOCKS_HIT:
		case F_PG_STAT_GET_DB_TUPLES_RETURNED:
		case F_PG_STAT_GET_DB_TUPLES_FETCHED:
		case F_PG_STAT_GET_DB_TUPLES_INSERTED:
		case F_PG_STAT_GET_DB_TUPLES_UPDATED:
		case F_PG_STAT_GET_DB_TUPLES_DELETED:
		case F_PG_STAT_GET_DB_BLOCKS_FETCHED:
		case F_PG_STAT_GET_DB_BLOCKS_HIT:
		case F_PG_STAT_GET_DB_TEMP_FILES:
		case F_PG_STAT_GET_DB_TEMP_BYTES:
		/* with track_functions = all */
		case F_PG_STAT_GET_FUNCTION_CALLS:
		case F_PG_STAT_GET_XACT_FUNCTION_CALLS:
		/* who first reads a row looks up whether its writer committed */
		case F_PG_STAT_GET_SLRU:
#ifdef F_PG_STAT_GET_TUPLES_NEWPAGE_UPDATED
		case F_PG_STAT_GET_TUPLES_NEWPAGE_UPDATED:
#endif
#ifdef F_PG_STAT_GET_XACT_TUPLES_NEWPAGE_UPDATED
		case F_PG_STAT_GET_XACT_TUPLES_NEWPAGE_UPDATED:
#endif
			return true;
		default:
			return false;
	}
}

/* Does it tell how much has been written? */
static bool
tells_writes(Oid function)
{
	switch (function)
	{
		case F_PG_CURRENT_WAL_LSN:
		case F_PG_CURRENT_WAL_INSERT_LSN:
		case F_PG_CURRENT_WAL_FLUSH_LSN:
		case F_PG_LAST_WAL_RECEIVE_LSN:
		case F_PG_LAST_WAL_REPLAY_LSN:
		case F_PG_CONTROL_CHECKPOINT:
		case F_PG_CONTROL_RECOVERY:
		case F_PG_GET_REPLICATION_SLOTS:
		case F_PG_STAT_GET_ARCHIVER:
		case F_PG_STAT_GET_REPLICATION_SLOT:
#ifdef F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_TEXT_BOOL
		case F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_TEXT_BOOL:
		case F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_BYTEA_BOOL:
#else
		case F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_TEXT:
		case F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_BYTEA:
#endif
		case F_PG_STAT_GET_WAL:
		case F_PG_STAT_GET_BUF_ALLOC:
#ifdef F_PG_STAT_GET_BUF_WRITTEN_BACKEND
		case F_PG_STAT_GET_BUF_WRITTEN_BACKEND:
		case F_PG_STAT_GET_BGWRITER_BUF_WRITTEN_CHECKPOINTS:
#endif
#ifdef F_PG_STAT_GET_CHECKPOINTER_BUFFERS_WRITTEN
		case F_PG_STAT_GET_CHECKPOINTER_BUFFERS_WRITTEN:
#endif
		case F_PG_STAT_GET_BGWRITER_BUF_WRITTEN_CLEAN:
#ifdef F_PG_STAT_GET_IO
		case F_PG_STAT_GET_IO:
#endif
#ifdef F_PG_STAT_GET_BACKEND_IO
		case F_PG_STAT_GET_BACKEND_IO:
#endif
#ifdef F_PG_WAL_SUMMARY_CONTENTS
		/* these name the blocks of each relation that were written */
		case F_PG_WAL_SUMMARY_CONTENTS:
		case F_PG_AVAILABLE_WAL_SUMMARIES:
		case F_PG_GET_WAL_SUMMARIZER_STATE:
#endif
#ifdef F_PG_STAT_GET_BACKEND_WAL
		case F_PG_STAT_GET_BACKEND_WAL:
#endif
			return true;
		default:
			return false;
	}
}

/* Has the role, or the login, a statistics permit? */
static bool
works_under_statistics(void)
{
	Oid roles[] = {GetUserId(), GetSessionUserId()};

	for (int i = 0; i < lengthof(roles); i++)
	{
		ListCell *lc;

		foreach(lc, ehds_read_active_permits(roles[i]))
		{
			if (((EhdsPermit *) lfirst(lc))->statistics)
				return true;
		}
	}
	return false;
}

static bool
size_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && tells_size(((FuncExpr *) node)->funcid))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, size_walker, context, 0);
	return expression_tree_walker(node, size_walker, context);
}

static Node *
size_mutator(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, FuncExpr) && tells_size(((FuncExpr *) node)->funcid))
		return (Node *) makeNullConst(INT8OID, -1, InvalidOid);
	if (IsA(node, Query))
		return (Node *) query_tree_mutator((Query *) node, size_mutator, context, 0);
	return expression_tree_mutator(node, size_mutator, context);
}

/*
 * Clients list tables with their sizes (\dt+, \l+): for those to whom sizes are closed
 * they are NULL, as of a table that has just been dropped. What calls the functions
 * otherwise raises below.
 */
Query *
ehds_without_sizes(Query *query)
{
	if (!ehds_any_sealed() || !size_walker((Node *) query, NULL) || !works_under_statistics())
		return query;
	return castNode(Query, size_mutator((Node *) query, NULL));
}

static void
on_object_access(ObjectAccessType access, Oid classId, Oid objectId, int subId, void *arg)
{
	if (next_object_access)
		next_object_access(access, classId, objectId, subId, arg);

	if (access != OAT_FUNCTION_EXECUTE || objectId >= FirstNormalObjectId)
		return;
	if (!(tells_size(objectId) && ehds_any_sealed()) && !tells_temporary(objectId) && !tells_rows(objectId) &&
		!tells_writes(objectId))
		return;
	if (!ehds_catalog_present() || !works_under_statistics())
		return;
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("function %s is closed to whoever works under a statistics permit",
						   get_func_name(objectId)),
					errdetail("It would tell how many rows a query touched, or a sealed table holds."),
					errhint("Sizes are NULL where a query asks for them, as psql's \\dt+ does.")));
}

void
ehds_sizes_init(void)
{
	next_object_access = object_access_hook;
	object_access_hook = on_object_access;
}
