/*
 * coarsening.c
 *		ehds.coarsen: what stands for a code in the published map of a permit.
 *
 * The gate lets it see personal data, so that it must neither fail nor tell: it
 * is a look-up in a map that was published for the permit, which depends on the
 * code alone.  An error at the first row that gets here would tell that there is
 * one, so the gate looks for the map itself and writes the form with an approval,
 * which belongs to one permit and does not raise for want of a map.  The map is
 * read once for each call in a plan, as the query's snapshot has it: every process
 * of a parallel plan has the same.
 */
#include "core/compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog/catalog_cache.h"
#include "catalog/coarsening.h"
#include "core/approval.h"
#include "core/errors.h"

PG_FUNCTION_INFO_V1(ehds_coarsen_text);
PG_FUNCTION_INFO_V1(ehds_coarsen_integer);
PG_FUNCTION_INFO_V1(ehds_coarsen_bigint);

/* as ehds.hierarchy_code has it: a code is shorter */
#define CODE_SIZE 128

typedef struct Label
{
	char code[CODE_SIZE]; /* hash key */
	text *label;
} Label;

/* Kept in fn_extra. */
typedef struct Map
{
	char *system;
	HTAB *labels;
} Map;

/* A copy of a column of ours, NULL for a null. */
static char *
field(Relation rel, HeapTuple tuple, const char *name)
{
	bool isnull;
	Datum datum = heap_getattr(tuple, SPI_fnumber(RelationGetDescr(rel), name), RelationGetDescr(rel),
							   &isnull);

	return isnull ? NULL : TextDatumGetCString(datum);
}

/* Put the map of a permit into labels (which may be NULL); false if there is none. */
static bool
read_map(int32 permit_id, const char *system, HTAB *labels, MemoryContext context)
{
	Relation rel = table_open(get_relname_relid("coarsening", ehds_namespace()), AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool any = false;

	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(permit_id));
	ScanKeyEntryInitialize(&keys[1], 0, 2, BTEqualStrategyNumber, TEXTOID, C_COLLATION_OID, F_TEXTEQ,
						   CStringGetTextDatum(system));
	scan = systable_beginscan(rel, get_relname_relid("coarsening_pkey", ehds_namespace()), true,
							  ActiveSnapshotSet() ? GetActiveSnapshot() : NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		char *code = field(rel, tuple, "code");
		char *label = field(rel, tuple, "label");
		Label *entry;

		CHECK_FOR_INTERRUPTS();
		any = true;
		if (labels == NULL)
			break;
		if (label == NULL || strlen(code) >= CODE_SIZE)
			continue;
		entry = hash_search(labels, code, HASH_ENTER, NULL);
		entry->label = MemoryContextAlloc(context, VARHDRSZ + strlen(label));
		SET_VARSIZE(entry->label, VARHDRSZ + strlen(label));
		memcpy(VARDATA(entry->label), label, strlen(label));
		pfree(code);
		pfree(label);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return any;
}

bool
ehds_has_coarsening(int32 permit_id, const char *system)
{
	return read_map(permit_id, system, NULL, NULL);
}

void
ehds_no_coarsening(const char *permit, const char *system)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 permit != NULL && permit[0] != '\0'
				 ? errmsg("permit \"%s\" has no published map of \"%s\"", permit, system)
				 : errmsg("no permit of yours has a published map of \"%s\"", system),
			 errhint(
				 "ehds.my_coarsening lists the maps; the administrator publishes one with ehds.publish_coarsening().")));
}

static void
unclear(const char *system)
{
	ereport(ERROR, (errcode(ERRCODE_EHDS_NOT_IN_FORCE),
					errmsg("it is not clear by which permit codes of \"%s\" are coarsened", system),
					errhint("Query one permit's views at a time, or SET ehds.permit.")));
}

/*
 * The permit whose views are being read; without any, the one that is set; else
 * the only one of this role that has a map of the system.
 */
static EhdsPermit *
permit_of_map(const char *system)
{
	const char *name = NULL;
	EhdsPermit *found = NULL;
	List *permits;
	ListCell *lc;

	if (!ehds_execution_one_permit(&name))
		unclear(system);
	if (name == NULL)
		name = GetConfigOption("ehds.permit", true, false);
	permits = ehds_read_active_permits(GetUserId());
	foreach(lc, permits)
	{
		EhdsPermit *p = lfirst(lc);

		if (name != NULL && name[0] != '\0' && strcmp(name, p->permit) != 0)
			continue;
		if (!ehds_has_coarsening(p->permit_id, system))
			continue;
		if (found != NULL)
			unclear(system);
		found = p;
	}
	if (found == NULL)
		ehds_no_coarsening(name, system);
	return found;
}

/* The permit of the approval, which only the gate can write; else found by the session. */
static EhdsPermit *
permit_of_call(FunctionCallInfo fcinfo, const char *system)
{
	EhdsPermit *p;
	const char *name;

	if (PG_NARGS() < 3)
		return permit_of_map(system);
	name = ehds_getarg_execution(fcinfo, 2)->permit;
	p = ehds_read_permit(name);
	if (p == NULL)
		ereport(ERROR, (errcode(ERRCODE_EHDS_NOT_IN_FORCE), errmsg("permit \"%s\" no longer exists", name)));
	return p;
}

static Map *
get_map(FunctionCallInfo fcinfo)
{
	MemoryContext context = fcinfo->flinfo->fn_mcxt;
	Map *map = fcinfo->flinfo->fn_extra;
	char *system;
	HASHCTL ctl;

	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the system must not be NULL")));
	if (map != NULL && VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(1)) == strlen(map->system) &&
		memcmp(VARDATA_ANY(PG_GETARG_TEXT_PP(1)), map->system, strlen(map->system)) == 0)
		return map;
	if (!ehds_catalog_present())
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("extension pg_ehds is not in this database")));

	/* a system that changes from row to row is read each time: nobody needs that */
	system = text_to_cstring(PG_GETARG_TEXT_PP(1));
	map = MemoryContextAllocZero(context, sizeof(Map));
	map->system = MemoryContextStrdup(context, system);
	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = CODE_SIZE;
	ctl.entrysize = sizeof(Label);
	ctl.hcxt = context;
	map->labels = hash_create("ehds coarsening", 1024, &ctl, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	(void) read_map(permit_of_call(fcinfo, system)->permit_id, system, map->labels, context);
	fcinfo->flinfo->fn_extra = map;
	return map;
}

static Datum
label_of(FunctionCallInfo fcinfo, Map *map, const char *code)
{
	Label *entry = hash_search(map->labels, code, HASH_FIND, NULL);

	if (entry == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(entry->label);
}

Datum
ehds_coarsen_text(PG_FUNCTION_ARGS)
{
	Map *map = get_map(fcinfo);
	char code[CODE_SIZE];
	text *given;
	Size length;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	given = PG_GETARG_TEXT_PP(0);
	length = VARSIZE_ANY_EXHDR(given);
	if (length >= CODE_SIZE)
		PG_RETURN_NULL();
	memcpy(code, VARDATA_ANY(given), length);
	code[length] = '\0';
	return label_of(fcinfo, map, code);
}

static Datum
coarsen_number(FunctionCallInfo fcinfo, int64 number)
{
	char code[CODE_SIZE];

	snprintf(code, sizeof(code), INT64_FORMAT, number);
	return label_of(fcinfo, fcinfo->flinfo->fn_extra, code);
}

Datum
ehds_coarsen_integer(PG_FUNCTION_ARGS)
{
	(void) get_map(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return coarsen_number(fcinfo, PG_GETARG_INT32(0));
}

Datum
ehds_coarsen_bigint(PG_FUNCTION_ARGS)
{
	(void) get_map(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return coarsen_number(fcinfo, PG_GETARG_INT64(0));
}
