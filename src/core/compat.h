/*
 * compat.h
 *		The only place that knows which PostgreSQL major it is built for (15 to 18).
 */
#ifndef EHDS_COMPAT_H
#define EHDS_COMPAT_H

#include "postgres.h"

#include "fmgr.h"

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "pg_ehds supports PostgreSQL 15 to 18"
#endif

/* varatt.h was split from postgres.h in 16 */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 18 has pg_noreturn in front of a declaration in place of this one behind it */
#ifndef pg_attribute_noreturn
#define pg_attribute_noreturn() __attribute__((noreturn))
#endif

/* guc_malloc became visible to extensions in 16; before, GUC extras are malloc'ed */
#if PG_VERSION_NUM >= 160000
#define ehds_guc_malloc(size) guc_malloc(LOG, (size))
#else
#define ehds_guc_malloc(size) malloc(size)
#endif

/*
 * Which view did the rewriter expand into this subquery? Since 16 (commit
 * 47bb9db75) the entry keeps the view's OID; before, the view's own rule left
 * its OLD entry first in the subquery's range table.
 */
#include "catalog/pg_class.h"
#include "nodes/parsenodes.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

static inline Oid
ehds_rewritten_view(RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	return rte->relid;
#else
	RangeTblEntry *old;

	if (rte->subquery->rtable == NIL)
		return InvalidOid;
	old = rt_fetch(1, rte->subquery->rtable);
	if (old->rtekind != RTE_RELATION || old->relkind != RELKIND_VIEW || old->inFromCl)
		return InvalidOid;
	return old->relid;
#endif
}

/* Since 18 (commit 247dea89f) grouped expressions are columns of an RTE_GROUP. */
#if PG_VERSION_NUM >= 180000
#include "optimizer/optimizer.h"
#endif

static inline void
ehds_flatten_group_rte(Query *query)
{
#if PG_VERSION_NUM >= 180000
	if (!query->hasGroupRTE)
		return;
	query->targetList = (List *) flatten_group_exprs(NULL, query, (Node *) query->targetList);
	query->havingQual = flatten_group_exprs(NULL, query, query->havingQual);
#endif
}

/* Since 18 (commit 83ea6c540) a generated column may be computed when it is read. */
#if PG_VERSION_NUM >= 180000
#include "access/relation.h"
#include "utils/rel.h"
#endif

static inline bool
ehds_has_virtual_column(Oid relid)
{
#if PG_VERSION_NUM >= 180000
	Relation rel = relation_open(relid, AccessShareLock);
	TupleConstr *constraints = RelationGetDescr(rel)->constr;
	bool result = constraints != NULL && constraints->has_generated_virtual;

	relation_close(rel, AccessShareLock);
	return result;
#else
	return false;
#endif
}

/* Since 18 the order of an operator is a CompareType, before a btree strategy. */
#if PG_VERSION_NUM >= 180000
#include "access/cmptype.h"
#else
#include "access/stratnum.h"
#endif

/* Does an ordering operator put the smallest first? False if it is none. */
static inline bool
ehds_ordering_direction(Oid operator, bool * ascending)
{
	Oid family;
	Oid type;
#if PG_VERSION_NUM >= 180000
	CompareType order;

	if (!get_ordering_op_properties(operator, & family, &type, &order))
		return false;
	*ascending = (order == COMPARE_LT);
#else
	int16 strategy;

	if (!get_ordering_op_properties(operator, & family, &type, &strategy))
		return false;
	*ascending = (strategy == BTLessStrategyNumber);
#endif
	return true;
}

/* Since 16 (commit 2489d76c4) a column knows the outer joins that may make it NULL. */
static inline void
ehds_set_nulling_joins(Var *var, Bitmapset *joins)
{
#if PG_VERSION_NUM >= 160000
	var->varnullingrels = bms_copy(joins);
#endif
}

/* Forget what a query needed for a range table that has been moved elsewhere. */
static inline void
ehds_forget_range_table(Query *query)
{
	query->rtable = NIL;
#if PG_VERSION_NUM >= 160000
	query->rteperminfos = NIL;
#endif
#if PG_VERSION_NUM >= 180000
	query->hasGroupRTE = false;
#endif
}

/* Since 18 (commit 3eea7a0c9) ExecutorRun has no execute_once. */
#if PG_VERSION_NUM >= 180000
#define EHDS_EXECUTOR_RUN_ARGS QueryDesc *query, ScanDirection direction, uint64 count
#define EHDS_EXECUTOR_RUN_PASS query, direction, count
#define ehds_run_to_end(query) ExecutorRun((query), ForwardScanDirection, 0)
#else
#define EHDS_EXECUTOR_RUN_ARGS QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define EHDS_EXECUTOR_RUN_PASS query, direction, count, execute_once
#define ehds_run_to_end(query) ExecutorRun((query), ForwardScanDirection, 0, true)
#endif

#include "nodes/execnodes.h"

/* 16 also counts over several runs of one portal. */
static inline void
ehds_forget_processed(EState *estate)
{
	estate->es_processed = 0;
#if PG_VERSION_NUM >= 160000
	estate->es_total_processed = 0;
#endif
}

/* Since 16 what a range table entry needs rights for is in a list of its own. */
#if PG_VERSION_NUM >= 160000
#include "parser/parse_relation.h"
#endif

/* No right is needed on a relation that the gate has opened itself. */
static inline void
ehds_waive_rights(Query *query, RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	if (rte->perminfoindex != 0)
		getRTEPermissionInfo(query->rteperminfos, rte)->requiredPerms = 0;
#else
	rte->requiredPerms = 0;
#endif
}

/* pg_namespace_ownercheck and its kin became object_ownercheck in 16 (commit afbfc0298). */
#include "catalog/pg_namespace.h"
#include "utils/acl.h"

static inline bool
ehds_owns_schema(Oid schema, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(NamespaceRelationId, schema, role);
#else
	return pg_namespace_ownercheck(schema, role);
#endif
}

/* Since 16 (commit a61b1f748) a query lists the permissions it needs beside its range table. */
#include "executor/executor.h"

static inline void
ehds_check_permissions(Query *query)
{
#if PG_VERSION_NUM >= 160000
	(void) ExecCheckPermissions(query->rtable, query->rteperminfos, true);
#else
	(void) ExecCheckRTPerms(query->rtable, true);
#endif
}

/* Since 16 (commit 3057465ac) the settings are in a hash table, of which this is a copy. */
#include "utils/guc_tables.h"

static inline struct config_generic **
ehds_all_settings(int *n)
{
#if PG_VERSION_NUM >= 160000
	return get_guc_variables(n);
#else
	*n = GetNumConfigOptions();
	return get_guc_variables();
#endif
}

/* The rights that a query needs are no part of what it means. */
static inline void
ehds_forget_rights(Query *query)
{
#if PG_VERSION_NUM >= 160000
	query->rteperminfos = NIL;
#endif
}

/* Since 16 (commit d9f7f5d32) input functions can report what they don't accept. */
#if PG_VERSION_NUM >= 160000
#define EHDS_SOFT_ERRORS 1
#include "nodes/miscnodes.h"

static inline bool
ehds_soft_input(PGFunction input, char *string, Oid type, Datum *value)
{
	ErrorSaveContext escontext = {.type = T_ErrorSaveContext};

	(void) type;
	return DirectInputFunctionCallSafe(input, string, InvalidOid, -1, (Node *) &escontext, value);
}
#else
#define EHDS_SOFT_ERRORS 0
#endif

/* to_date's parser, which since 16 reports errors in the same way */
#include "utils/formatting.h"

static inline bool
ehds_parse_datetime(text *string, text *format, Oid collation, Oid *type, int32 *typmod, int *tz, Datum *value)
{
#if PG_VERSION_NUM >= 160000
	ErrorSaveContext escontext = {.type = T_ErrorSaveContext};

	*value = parse_datetime(string, format, collation, false, type, typmod, tz, (Node *) &escontext);
	return !escontext.error_occurred;
#else
	bool error = false;

	*value = parse_datetime(string, format, collation, false, type, typmod, tz, &error);
	return !error;
#endif
}

/* Since 17 the planner drops IS NOT NULL of columns without NULL. */
#if PG_VERSION_NUM >= 170000
#define EHDS_PLANNER_KNOWS_NOT_NULL true
#else
#define EHDS_PLANNER_KNOWS_NOT_NULL false
#endif

/* Since 17 (commit 519fc1bd9) an interval may be infinite: 1, -1, or 0 for one that is not. */
#include "datatype/timestamp.h"

#if PG_VERSION_NUM >= 170000
#define EHDS_INFINITE_INTERVALS true
#else
#define EHDS_INFINITE_INTERVALS false
#endif

static inline int
ehds_interval_infinite(const Interval *span)
{
#if PG_VERSION_NUM >= 170000
	return INTERVAL_IS_NOEND(span) ? 1 : INTERVAL_IS_NOBEGIN(span) ? -1 : 0;
#else
	(void) span;
	return 0;
#endif
}

#endif /* EHDS_COMPAT_H */
