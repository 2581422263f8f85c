/*
 * catalog_cache.c
 *		Cached reads of declarations and permits.
 *
 * The planner hook asks for every query whether a relation is a permit's view,
 * so that answer is a hash look-up; what may change from one execution to the
 * next (is the permit in force?) is never cached but read with a fresh snapshot.
 * The tables are read directly, not through SPI: the caller is any user, in any
 * state of planning, and has no right on them.
 */
#include "core/compat.h"

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/seclabel.h"
#include "commands/trigger.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "catalog/catalog_cache.h"
#include "catalog/labels.h"
#include "catalog/table_scan.h"

PG_FUNCTION_INFO_V1(ehds_catalog_changed);

static struct
{
	bool valid;
	bool loading;
	Oid schema;
	Oid permit_table;
	Oid permit;
	Oid protected_table;
	Oid population;
	Oid extract;
	Oid sealed_table;
	Oid owner; /* ehds_owner */
	MemoryContext cxt;
	HTAB *views;     /* EhdsPermitView by view */
	HTAB *stores;    /* SealedStore by store */
	HTAB *protected; /* Oid */
	HTAB *extracts;  /* ExtractSchema by namespace */
} cache;

/* The schema of an extract: every query on it is an access. */
typedef struct
{
	Oid schema; /* hash key */
	char permit[NAMEDATALEN];
} ExtractSchema;

/* The rows of a sealed table. */
typedef struct
{
	Oid store; /* hash key */
	Oid view;
} SealedStore;

static void
invalidate_relation(Datum arg, Oid relid)
{
	/* Without the extension any new relation may be its first table. */
	if (relid == InvalidOid || !OidIsValid(cache.permit_table) || relid == cache.permit_table ||
		relid == cache.permit || relid == cache.protected_table || relid == cache.population ||
		relid == cache.extract || relid == cache.sealed_table)
		cache.valid = false;
}

static void
invalidate_namespace(Datum arg, int cacheid, uint32 hashvalue)
{
	cache.valid = false;
}

static HTAB *
oid_hash(const char *name, Size entrysize)
{
	HASHCTL ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = entrysize;
	ctl.hcxt = cache.cxt;
	return hash_create(name, 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Permit names by id, to join permit_table without a second cache. */
typedef struct
{
	int32 id;
	char permit[NAMEDATALEN];
} PermitName;

/* A table of the extension, not one that somebody put into a schema of that name. */
static bool
is_ours(Oid relid)
{
	return OidIsValid(relid) &&
		   getExtensionOfObject(RelationRelationId, relid) == get_extension_oid("pg_ehds", true);
}

/* The origins of the columns of the sealed table in the row at which the scan stands. */
static void
scan_origins(TableScan *s, EhdsPermitView *v)
{
	bool isnull;
	Datum *views;
	Datum *columns;
	int n;

	deconstruct_array(DatumGetArrayTypeP(ehds_scan_field(s, "origin_view", &isnull)), REGCLASSOID,
					  sizeof(Oid), true, TYPALIGN_INT, &views, NULL, &v->n_origins);
	deconstruct_array(DatumGetArrayTypeP(ehds_scan_field(s, "origin_column", &isnull)), INT2OID,
					  sizeof(int16), true, TYPALIGN_SHORT, &columns, NULL, &n);
	v->n_origins = Min(v->n_origins, n);
	v->origins = MemoryContextAlloc(cache.cxt, sizeof(EhdsOrigin) * Max(n, 1));
	for (n = 0; n < v->n_origins; n++)
	{
		v->origins[n].view = DatumGetObjectId(views[n]);
		v->origins[n].attno = DatumGetInt16(columns[n]);
	}
}

static void
load_sealed(HTAB *names)
{
	TableScan s;

	ehds_scan_begin(&s, cache.sealed_table);
	while (ehds_scan_next(&s))
	{
		Oid view = ehds_scan_oid(&s, "view");
		int32 id = ehds_scan_int32(&s, "permit_id", 0);
		Oid store = ehds_scan_oid(&s, "store");
		PermitName *n = hash_search(names, &id, HASH_FIND, NULL);
		EhdsPermitView *v;
		SealedStore *stored;

		if (!OidIsValid(view) || !OidIsValid(store) || n == NULL)
			continue;
		v = hash_search(cache.views, &view, HASH_ENTER, NULL);
		memset(v, 0, sizeof(EhdsPermitView));
		v->view = view;
		v->store = store;
		strlcpy(v->permit, n->permit, NAMEDATALEN);
		strlcpy(v->subject, ehds_scan_name(&s, "subject_column"), NAMEDATALEN);
		strlcpy(v->made_by, ehds_scan_name(&s, "made_by"), NAMEDATALEN);
		v->version = ehds_scan_int32(&s, "version", 0);
		v->multiplied = ehds_scan_bool(&s, "multiplied");
		scan_origins(&s, v);
		stored = hash_search(cache.stores, &store, HASH_ENTER, NULL);
		stored->view = view;
	}
	ehds_scan_end(&s);
}

static void
load(void)
{
	TableScan s;
	HTAB *names;
	HASHCTL ctl;

	if (cache.cxt == NULL)
		cache.cxt = AllocSetContextCreate(CacheMemoryContext, "pg_ehds declarations", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(cache.cxt);
	cache.views = oid_hash("pg_ehds permit views", sizeof(EhdsPermitView));
	cache.protected = oid_hash("pg_ehds protected tables", sizeof(Oid));
	cache.extracts = oid_hash("pg_ehds extracts", sizeof(ExtractSchema));
	cache.stores = oid_hash("pg_ehds sealed tables", sizeof(SealedStore));

	/* Set first: an invalidation that arrives while we read must not be lost. */
	cache.valid = true;

	cache.schema = get_namespace_oid("ehds", true);
	cache.permit_table = cache.permit = cache.protected_table = cache.population = InvalidOid;
	if (!OidIsValid(cache.schema))
		return;
	cache.permit = get_relname_relid("permit", cache.schema);
	cache.protected_table = get_relname_relid("protected_table", cache.schema);
	cache.population = get_relname_relid("population", cache.schema);
	cache.extract = get_relname_relid("extract", cache.schema);
	cache.sealed_table = get_relname_relid("sealed_table", cache.schema);
	cache.owner = get_role_oid("ehds_owner", true);
	cache.permit_table = get_relname_relid("permit_table", cache.schema);
	if (!is_ours(cache.permit) || !is_ours(cache.protected_table) || !is_ours(cache.population) ||
		!is_ours(cache.extract) || !is_ours(cache.sealed_table) || !is_ours(cache.permit_table))
	{
		cache.permit_table = InvalidOid;
		return;
	}

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(int32);
	ctl.entrysize = sizeof(PermitName);
	ctl.hcxt = CurrentMemoryContext;
	names = hash_create("permit names", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	ehds_scan_begin(&s, cache.permit);
	while (ehds_scan_next(&s))
	{
		int32 id = ehds_scan_int32(&s, "permit_id", 0);
		PermitName *n = hash_search(names, &id, HASH_ENTER, NULL);

		strlcpy(n->permit, ehds_scan_text(&s, "permit"), NAMEDATALEN);
	}
	ehds_scan_end(&s);

	ehds_scan_begin(&s, cache.permit_table);
	while (ehds_scan_next(&s))
	{
		Oid view = ehds_scan_oid(&s, "view");
		int32 id = ehds_scan_int32(&s, "permit_id", 0);
		PermitName *n = hash_search(names, &id, HASH_FIND, NULL);
		EhdsPermitView *v;
		char *subject;

		if (!OidIsValid(view) || n == NULL)
			continue;
		v = hash_search(cache.views, &view, HASH_ENTER, NULL);
		memset(v, 0, sizeof(EhdsPermitView));
		v->view = view;
		strlcpy(v->permit, n->permit, NAMEDATALEN);
		subject = ehds_scan_name(&s, "subject_column");
		strlcpy(v->subject, subject ? subject : "", NAMEDATALEN);
	}
	ehds_scan_end(&s);

	load_sealed(names);

	ehds_scan_begin(&s, cache.extract);
	while (ehds_scan_next(&s))
	{
		Oid schema = get_namespace_oid(ehds_scan_name(&s, "schema_name"), true);
		int32 id = ehds_scan_int32(&s, "permit_id", 0);
		PermitName *n = hash_search(names, &id, HASH_FIND, NULL);

		if (OidIsValid(schema) && n != NULL)
		{
			ExtractSchema *x = hash_search(cache.extracts, &schema, HASH_ENTER, NULL);

			strlcpy(x->permit, n->permit, NAMEDATALEN);
		}
	}
	ehds_scan_end(&s);
	hash_destroy(names);

	ehds_scan_begin(&s, cache.protected_table);
	while (ehds_scan_next(&s))
	{
		Oid relid = ehds_scan_oid(&s, "relation");

		if (OidIsValid(relid))
			hash_search(cache.protected, &relid, HASH_ENTER, NULL);
	}
	ehds_scan_end(&s);
}

static void
ensure_loaded(void)
{
	if (cache.valid || cache.loading)
		return;
	cache.loading = true;
	PG_TRY();
	{
		load();
	}
	PG_CATCH();
	{
		cache.loading = false;
		cache.valid = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	cache.loading = false;
}

bool
ehds_catalog_present(void)
{
	ensure_loaded();
	return OidIsValid(cache.permit_table);
}

Oid
ehds_namespace(void)
{
	ensure_loaded();
	return cache.schema;
}

/* Asked before a query is walked through: most databases have no permit most of the time. */
bool
ehds_any_permit_view(void)
{
	ensure_loaded();
	return hash_get_num_entries(cache.views) > 0;
}

bool
ehds_any_extract(void)
{
	ensure_loaded();
	return hash_get_num_entries(cache.extracts) > 0;
}

static bool
is_view_of_owner(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool result = false;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		result = form->relkind == RELKIND_VIEW && form->relowner == cache.owner;
		ReleaseSysCache(tuple);
	}
	return result;
}

EhdsPermitView *
ehds_permit_view(Oid relid)
{
	EhdsPermitView *found;
	EhdsPermitView *copy;

	if (!OidIsValid(relid))
		return NULL;
	ensure_loaded();
	found = hash_search(cache.views, &relid, HASH_FIND, NULL);
	if (found == NULL)
		return NULL;
	/* any look-up in a catalog may have the cache read anew */
	copy = palloc(sizeof(EhdsPermitView));
	*copy = *found;
	if (!OidIsValid(copy->store))
		return copy;
	copy->origins = palloc(sizeof(EhdsOrigin) * Max(copy->n_origins, 1));
	memcpy(copy->origins, found->origins, sizeof(EhdsOrigin) * copy->n_origins);
	/* a view that ended with its session may have left its OID to another relation */
	return is_view_of_owner(relid) ? copy : NULL;
}

bool
ehds_any_sealed(void)
{
	return ehds_any_permit_view() && hash_get_num_entries(cache.stores) > 0;
}

Oid
ehds_sealed_view_of_store(Oid relid)
{
	SealedStore *found;

	if (!ehds_any_sealed())
		return InvalidOid;
	found = hash_search(cache.stores, &relid, HASH_FIND, NULL);
	return found ? found->view : InvalidOid;
}

/*
 * Was the sealed table made in one go, as far as anybody can see by now? Not from the
 * cache: rows are seen an instant before the message that they were added.
 */
bool
ehds_sealed_is_whole(Oid view)
{
	TableScan s;
	bool whole = false;

	if (!ehds_any_sealed())
		return false;
	ehds_scan_begin(&s, cache.sealed_table);
	while (!whole && ehds_scan_next(&s))
		whole = ehds_scan_oid(&s, "view") == view && !ehds_scan_bool(&s, "multiplied");
	ehds_scan_end(&s);
	return whole;
}

bool
ehds_is_protected(Oid relid)
{
	ensure_loaded();
	return hash_search(cache.protected, &relid, HASH_FIND, NULL) != NULL;
}

const char *
ehds_extract_of(Oid relid)
{
	Oid schema;
	ExtractSchema *x;

	if (!ehds_any_extract())
		return NULL;
	schema = get_rel_namespace(relid);
	x = hash_search(cache.extracts, &schema, HASH_FIND, NULL);
	return x ? x->permit : NULL;
}

bool
ehds_is_public(Oid relid)
{
	ObjectAddress address;
	char *label;

	ObjectAddressSet(address, RelationRelationId, relid);
	label = GetSecurityLabel(&address, EHDS_LABEL_PROVIDER);
	return label != NULL && strcmp(label, "public") == 0;
}

static void
read_population(EhdsPermit *p)
{
	TableScan s;

	p->population_epsilon_nano = -1;
	p->population_delta_atto = -1;
	if (p->population == NULL)
		return;
	ehds_scan_begin(&s, cache.population);
	while (ehds_scan_next(&s))
	{
		if (strcmp(ehds_scan_name(&s, "population"), p->population) != 0)
			continue;
		p->population_epsilon_nano = ehds_scan_int64(&s, "epsilon_nano", -1);
		p->population_delta_atto = ehds_scan_int64(&s, "delta_atto", -1);
	}
	ehds_scan_end(&s);
}

/* The permit in the row at which the scan stands. */
static EhdsPermit *
permit_of_row(TableScan *s)
{
	EhdsPermit *p = palloc0(sizeof(EhdsPermit));

	p->permit_id = ehds_scan_int32(s, "permit_id", 0);
	p->permit = ehds_scan_text(s, "permit");
	p->grantee = ehds_scan_oid(s, "grantee");
	p->purpose = ehds_scan_text(s, "purpose");
	p->population = ehds_scan_name(s, "population");
	p->status = ehds_scan_text(s, "status");
	p->statistics = strcmp(ehds_scan_text(s, "output"), "statistics") == 0;
	p->valid_from = ehds_scan_int32(s, "valid_from", 0);
	p->valid_until = ehds_scan_int32(s, "valid_until", PG_INT32_MIN);
	p->k = ehds_scan_int32(s, "k", 0);
	p->epsilon_nano = ehds_scan_int64(s, "epsilon_nano", 0);
	p->dp = p->epsilon_nano > 0;
	p->delta_atto = ehds_scan_int64(s, "delta_atto", 0);
	p->epsilon_default_nano = ehds_scan_int64(s, "epsilon_default_nano", 0);
	p->zcdp = strcmp(ehds_scan_text(s, "accounting"), "zcdp") == 0;
	p->rho_pico = ehds_scan_int64(s, "rho_pico", 0);
	p->selection_delta_atto = ehds_scan_int64(s, "selection_delta_atto", 0);
	p->max_groups = ehds_scan_int32(s, "max_groups", 1);
	p->cell_key_max = ehds_scan_int32(s, "cell_key_max", 0);
	p->cell_key = p->cell_key_max > 0;
	p->cell_key_variance_milli = ehds_scan_int32(s, "cell_key_variance_milli", 0);
	p->cell_key_no_small = ehds_scan_int32(s, "cell_key_no_small", 0);
	p->version = ehds_scan_int32(s, "version", 0);
	return p;
}

EhdsPermit *
ehds_read_permit(const char *permit)
{
	TableScan s;
	EhdsPermit *p = NULL;

	if (!ehds_catalog_present())
		return NULL;
	ehds_scan_begin(&s, cache.permit);
	while (p == NULL && ehds_scan_next(&s))
	{
		if (strcmp(ehds_scan_text(&s, "permit"), permit) == 0)
			p = permit_of_row(&s);
	}
	ehds_scan_end(&s);
	if (p != NULL)
		read_population(p);
	return p;
}

List *
ehds_read_active_permits(Oid role)
{
	List *permits = NIL;
	TableScan s;

	if (!ehds_catalog_present())
		return NIL;
	ehds_scan_begin(&s, cache.permit);
	while (ehds_scan_next(&s))
	{
		EhdsPermit *p = permit_of_row(&s);

		if (strcmp(p->status, "active") == 0 && is_member_of_role_nosuper(role, p->grantee))
			permits = lappend(permits, p);
	}
	ehds_scan_end(&s);
	return permits;
}

/*
 * AFTER ROW trigger on protected_table, permit, permit_table and population:
 * sessions read the declarations again, and plans on the permit views that were
 * made before the change are made anew.
 */
Datum
ehds_catalog_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	HASH_SEQ_STATUS status;
	EhdsPermitView *v;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("catalog_changed must be called as a row trigger")));

	if (ehds_catalog_present())
	{
		/* Which view belongs to which row does not matter: changes are rare. */
		hash_seq_init(&status, cache.views);
		while ((v = hash_seq_search(&status)) != NULL)
		{
			if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(v->view)))
				CacheInvalidateRelcacheByRelid(v->view);
		}
	}
	CacheInvalidateRelcacheByRelid(RelationGetRelid(trigger->tg_relation));
	return PointerGetDatum(NULL);
}

void
ehds_catalog_cache_init(void)
{
	CacheRegisterRelcacheCallback(invalidate_relation, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, invalidate_namespace, (Datum) 0);
}
