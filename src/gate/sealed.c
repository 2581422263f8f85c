/*
 * sealed.c
 *		Tables of persons that nobody reads.
 *
 * CREATE TABLE ... AS of a query whose rows are about persons makes a sealed table: the
 * rows go into a table of ehds_owner's that nobody else can reach, and under the name
 * that the analyst chose stands a view of ehds_owner's, like those of a permit: guarded,
 * without persons who object now, tracked by its subject column. So the gate types it
 * as any view of the permit. What shows how many rows there are (command tags, row
 * counts) says 0.
 *
 * The query runs with the rights of the analyst; only the receiver of its rows and the
 * functions that make and drop the table (catalog/sealed.sql) have those of the extension.
 */
#include "core/compat.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/dest.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "core/errors.h"
#include "core/own_function.h"
#include "gate/gate.h"

/* ----------
 * The receiver of the rows
 * ----------
 */

typedef struct
{
	DestReceiver pub;
	Oid store;
	int subject; /* number of the subject column */
	Relation rel;
	TupleTableSlot *fitting;
	CommandId cid;
	BulkInsertState bulk;
} StoreReceiver;

static void
store_startup(DestReceiver *self, int operation, TupleDesc desc)
{
	StoreReceiver *r = (StoreReceiver *) self;

	r->rel = table_open(r->store, RowExclusiveLock);
	r->cid = GetCurrentCommandId(true);
	r->bulk = GetBulkInsertState();
	r->fitting = MakeSingleTupleTableSlot(RelationGetDescr(r->rel), &TTSOpsVirtual);
	Assert(RelationGetDescr(r->rel)->natts == desc->natts);
}

static bool
store_receive(TupleTableSlot *slot, DestReceiver *self)
{
	StoreReceiver *r = (StoreReceiver *) self;

	slot_getallattrs(slot);
	/* a row of nobody is not kept */
	if (!slot->tts_isnull[r->subject - 1])
		table_tuple_insert(r->rel, ehds_fit_slot(slot, r->fitting), r->cid, TABLE_INSERT_SKIP_FSM, r->bulk);
	return true;
}

static void
store_shutdown(DestReceiver *self)
{
	StoreReceiver *r = (StoreReceiver *) self;

	ExecDropSingleTupleTableSlot(r->fitting);
	FreeBulkInsertState(r->bulk);
	table_finish_bulk_insert(r->rel, TABLE_INSERT_SKIP_FSM);
	table_close(r->rel, NoLock);
}

static void
store_destroy(DestReceiver *self)
{
	pfree(self);
}

static DestReceiver *
store_receiver(Oid store, int subject)
{
	StoreReceiver *r = palloc0(sizeof(StoreReceiver));

	r->pub.receiveSlot = store_receive;
	r->pub.rStartup = store_startup;
	r->pub.rShutdown = store_shutdown;
	r->pub.rDestroy = store_destroy;
	r->pub.mydest = DestIntoRel;
	r->store = store;
	r->subject = subject;
	return (DestReceiver *) r;
}

/* What a value of variable length may take at least (sealed_fit.c). */
#define SHORT_VALUE 40

/* In the description of a column: no view has this OID. */
#define OWN_COLUMN ((Oid) 1)

/* ----------
 * The table
 * ----------
 */

Datum
ehds_oid_array(List *oids)
{
	Datum *elements = palloc(sizeof(Datum) * Max(list_length(oids), 1));
	int n = 0;
	ListCell *lc;

	foreach(lc, oids)
		elements[n++] = ObjectIdGetDatum(lfirst_oid(lc));
	return PointerGetDatum(construct_array(elements, n, OIDOID, sizeof(Oid), true, TYPALIGN_INT));
}

static Oid
own_function(const char *name, int nargs, const Oid *types)
{
	Oid function = ehds_own_function(name, nargs, types);

	if (!OidIsValid(function))
		elog(ERROR, "function ehds.%s is missing", name);
	return function;
}

/*
 * The owner of a type can have values of it checked by a function of his (ALTER DOMAIN
 * ... ADD CHECK reads every table), so stored values are of types of others, and of no
 * domain. Composites have columns of any type.
 */
static void
require_stable_type(Oid type, const char *column)
{
	Oid element = get_element_type(type);
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(OidIsValid(element) ? element : type));
	Form_pg_type form;
	bool stable;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	form = (Form_pg_type) GETSTRUCT(tuple);
	stable = (form->typtype == TYPTYPE_BASE || form->typtype == TYPTYPE_ENUM ||
			  form->typtype == TYPTYPE_RANGE) &&
			 (form->oid < FirstNormalObjectId || !is_member_of_role_nosuper(GetUserId(), form->typowner));
	ReleaseSysCache(tuple);
	if (!stable)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_REFUSED),
				 errmsg("column \"%s\" of a sealed table cannot be of type %s", column, format_type_be(type)),
				 errhint("Use built-in types, not domains, composites, or types of your own.")));
}

/*
 * The most that a value can add to a row of the table that is full.
 */
static int
most_bytes(Oid type, const char *column)
{
	int16 length;
	bool by_value;
	char align;
	char storage = get_typstorage(type);

	get_typlenbyvalalign(type, &length, &by_value, &align);
	if (length > 0)
		return MAXALIGN(length);
	if (length != -1 || storage == TYPSTORAGE_PLAIN)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_REFUSED), errmsg("column \"%s\" of a sealed table cannot be of type %s",
													   column, format_type_be(type))));
	return SHORT_VALUE;
}

static char *
collation_clause(Oid collation)
{
	HeapTuple tuple;
	Form_pg_collation form;
	char *clause;

	if (!OidIsValid(collation) || collation == DEFAULT_COLLATION_OID)
		return "";
	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for collation %u", collation);
	form = (Form_pg_collation) GETSTRUCT(tuple);
	clause = psprintf(" COLLATE %s", quote_qualified_identifier(get_namespace_name(form->collnamespace),
																NameStr(form->collname)));
	ReleaseSysCache(tuple);
	return clause;
}

static const char *
on_commit_clause(IntoClause *into)
{
	switch (into->onCommit)
	{
		case ONCOMMIT_DELETE_ROWS:
			return "ON COMMIT DELETE ROWS";
		case ONCOMMIT_DROP:
			return "ON COMMIT DROP";
		default:
			return "";
	}
}

/*
 * The origin of a column. What an aggregate within a person has made of a plain column
 * is one of its own: the place of its view is taken by OWN_COLUMN.
 */
static Oid
origin_of(Query *query, Node *node, AttrNumber *attno)
{
	Oid view;

	if (IsA(node, Aggref))
		view = ehds_is_plain_of_person(query, (Aggref *) node) ? OWN_COLUMN : InvalidOid;
	else
		view = ehds_origin_of(query, node, attno);
	return OidIsValid(view) && ehds_permit_view(view) == NULL ? OWN_COLUMN : view;
}

/* Four texts a column: name, type, and the column of the permit that it is a copy of. */
static Datum
describe_columns(Query *query, IntoClause *into)
{
	Datum *texts = palloc(sizeof(Datum) * 4 * list_length(query->targetList));
	ListCell *name = list_head(into->colNames);
	ListCell *lc;
	int n = 0;
	int bytes = 0;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst(lc);
		int32 typmod = exprTypmod((Node *) tle->expr);
		Oid type = getBaseTypeAndTypmod(exprType((Node *) tle->expr), &typmod);
		Oid view;
		AttrNumber attno = 0;
		char *column = tle->resname;

		if (tle->resjunk)
			continue;
		if (name != NULL)
		{
			column = strVal(lfirst(name));
			name = lnext(into->colNames, name);
		}
		require_stable_type(type, column);
		bytes += most_bytes(type, column);
		view = origin_of(query, (Node *) tle->expr, &attno);
		texts[n++] = CStringGetTextDatum(column);
		texts[n++] = CStringGetTextDatum(
			psprintf("%s%s",
					 format_type_extended(type, typmod, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY),
					 collation_clause(exprCollation((Node *) tle->expr))));
		texts[n++] = CStringGetTextDatum(psprintf("%u", view));
		texts[n++] = CStringGetTextDatum(psprintf("%d", OidIsValid(view) ? attno : 0));
	}
	/* a row that is too big would be an error that depends on a person */
	if (bytes > EHDS_MOST_BYTES_OF_ROW)
		ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED), errmsg("a sealed table cannot have that many columns"),
						errhint("Store fewer columns, or several tables.")));
	if (name != NULL)
		ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("too many column names were specified")));
	return PointerGetDatum(construct_array(texts, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static int
subject_of(EhdsGate *gate)
{
	if (bms_membership(gate->seal_subjects) != BMS_SINGLETON)
		ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
						errmsg("a sealed table has one subject column, and the query gives several"),
						errhint("Name the subject column (person_id) once in the select list.")));
	return bms_singleton_member(gate->seal_subjects);
}

/* The stored side of a new, empty sealed table. The role may create it: that was checked. */
static Oid
make_table(EhdsGate *gate, IntoClause *into, Oid namespace, Datum columns)
{
	static const Oid types[] = {TEXTOID,      TEXTOID, TEXTOID,     CHAROID, TEXTOID,
								TEXTARRAYOID, INT4OID, OIDARRAYOID, BOOLOID};
	Oid store;

	store = DatumGetObjectId(
		OidFunctionCall9(own_function("make_sealed", lengthof(types), types),
						 CStringGetTextDatum(gate->permit->permit),
						 CStringGetTextDatum(get_namespace_name(namespace)),
						 CStringGetTextDatum(into->rel->relname), CharGetDatum(into->rel->relpersistence),
						 CStringGetTextDatum(on_commit_clause(into)), columns, Int32GetDatum(subject_of(gate)),
						 ehds_oid_array(gate->views), BoolGetDatum(gate->sealed_multiplied)));
	CommandCounterIncrement();
	return store;
}

static void
fill_table(EhdsGate *gate, PlannedStmt *plan, Oid store, ParamListInfo params, QueryEnvironment *query_env)
{
	DestReceiver *receiver = store_receiver(store, subject_of(gate));
	QueryDesc *desc;

	PushCopiedSnapshot(GetActiveSnapshot());
	UpdateActiveSnapshotCommandId();
	desc = CreateQueryDesc(plan, gate->query_string, GetActiveSnapshot(), InvalidSnapshot, receiver, params,
						   query_env, 0);
	ExecutorStart(desc, 0);
	ehds_run_to_end(desc);
	ExecutorFinish(desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
	PopActiveSnapshot();
	receiver->rDestroy(receiver);
}

/*
 * CREATE TABLE ... AS, SELECT INTO. False if the result is public, or no permit is
 * concerned: then it is an ordinary statement.
 */
bool
ehds_seal_table(PlannedStmt *pstmt, const char *query_string, ParamListInfo params,
				QueryEnvironment *query_env, QueryCompletion *qc)
{
	CreateTableAsStmt *stmt = castNode(CreateTableAsStmt, pstmt->utilityStmt);
	Query *query = (Query *) stmt->query;
	IntoClause *into;
	EhdsGate gate = {0};
	PlannedStmt *plan;
	List *rewritten;
	Oid namespace;
	Oid existing;
	Oid store;
	Datum columns;

	if (!ehds_catalog_present() || !ehds_any_permit_view() || stmt->objtype != OBJECT_TABLE ||
		!IsA(query, Query) || query->commandType != CMD_SELECT)
		return false;
	rewritten = QueryRewrite(copyObject(query));
	if (list_length(rewritten) != 1)
		return false;
	query = linitial_node(Query, rewritten);
	if (!ehds_mentions_permit_view(query))
		return false;
	gate.query_string = query_string;
	gate.seal = true;
	ehds_gate_check(&gate, query);
	if (!gate.sealed)
		return false;

	PreventCommandIfReadOnly("CREATE TABLE AS");
	PreventCommandIfParallelMode("CREATE TABLE AS");
	PreventCommandDuringRecovery("CREATE TABLE AS");
	into = copyObject(stmt->into);
	namespace = RangeVarGetAndCheckCreationNamespace(into->rel, NoLock, &existing);
	if (OidIsValid(existing))
	{
		if (!stmt->if_not_exists)
			ereport(ERROR, (errcode(ERRCODE_DUPLICATE_TABLE),
							errmsg("relation \"%s\" already exists", into->rel->relname)));
		ereport(NOTICE, (errcode(ERRCODE_DUPLICATE_TABLE),
						 errmsg("relation \"%s\" already exists, skipping", into->rel->relname)));
		return true;
	}
	if (into->options != NIL || into->tableSpaceName != NULL || into->accessMethod != NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("a sealed table has no storage options, tablespace or access method"),
						errhint("Leave out WITH (...), TABLESPACE and USING.")));
	if (into->onCommit != ONCOMMIT_NOOP && into->rel->relpersistence != RELPERSISTENCE_TEMP)
		ereport(ERROR, (errcode(ERRCODE_INVALID_TABLE_DEFINITION),
						errmsg("ON COMMIT can only be used on temporary tables")));

	/* before it is planned, which takes it apart */
	columns = describe_columns(query, into);
	plan = ehds_plan_checked(&gate, query, CURSOR_OPT_PARALLEL_OK, params);
	store = make_table(&gate, into, namespace, columns);
	if (!into->skipData)
	{
		fill_table(&gate, plan, store, params, query_env);
		if (qc)
			SetQueryCompletion(qc, CMDTAG_SELECT, 0);
	}
	return true;
}

/* ----------
 * DROP
 * ----------
 */

/* The sealed table of this name, NULL if it is none. */
static EhdsPermitView *
sealed_table_named(List *name)
{
	EhdsPermitView *view = ehds_permit_view(RangeVarGetRelid(makeRangeVarFromNameList(name), NoLock, true));

	return view != NULL && OidIsValid(view->store) ? view : NULL;
}

void
ehds_require_maker(EhdsPermitView *view, const char *action)
{
	Oid maker = get_role_oid(view->made_by, true);

	if (OidIsValid(maker) && has_privs_of_role(GetUserId(), maker))
		return;
	if (ehds_owns_schema(get_rel_namespace(view->view), GetUserId()))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be the maker of sealed table \"%s\" to %s it", get_rel_name(view->view), action)));
}

/*
 * DROP TABLE (or VIEW) drops the sealed tables that it names. Returns the statement
 * for the rest, NULL if there is none.
 */
PlannedStmt *
ehds_drop_sealed_tables(PlannedStmt *pstmt)
{
	static const Oid types[] = {OIDOID, BOOLOID};
	DropStmt *stmt = castNode(DropStmt, pstmt->utilityStmt);
	List *rest = NIL;
	ListCell *lc;

	if (stmt->removeType != OBJECT_TABLE && stmt->removeType != OBJECT_VIEW)
		return pstmt;
	foreach(lc, stmt->objects)
	{
		EhdsPermitView *view = sealed_table_named(lfirst(lc));

		if (view == NULL)
		{
			rest = lappend(rest, lfirst(lc));
			continue;
		}
		PreventCommandIfReadOnly("DROP TABLE");
		PreventCommandIfParallelMode("DROP TABLE");
		ehds_require_maker(view, "drop");
		(void) OidFunctionCall2(own_function("drop_sealed", lengthof(types), types),
								ObjectIdGetDatum(view->view), BoolGetDatum(stmt->behavior == DROP_CASCADE));
		CommandCounterIncrement();
	}
	if (rest == NIL)
		return NULL;
	if (list_length(rest) == list_length(stmt->objects))
		return pstmt;
	pstmt = copyObject(pstmt);
	((DropStmt *) pstmt->utilityStmt)->objects = copyObject(rest);
	return pstmt;
}

/* After a DROP of something in which sealed tables may have been. */
void
ehds_sweep_sealed_tables(void)
{
	(void) OidFunctionCall0(own_function("sweep_sealed", 0, NULL));
}
