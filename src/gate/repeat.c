/*
 * repeat.c
 *		The same query asked again gets the release that was recorded, free.
 *
 * "The same" is: the statement after views are expanded, with its constants and the
 * values of its parameters, under the same version of the same permit, with the same
 * time zone, formats and settings of ours. Whether a release was recorded is a
 * function of what was asked before, never of the data, so nothing that happens to
 * the data may drop one. Where it can't be said that the same text means the same
 * question (functions of the moment or of users, tables of the grantee's own), a
 * query is asked anew each time.
 *
 * In the release's place stands keep_release(): if the release was recorded, it gives
 * those rows, and what would draw others is not executed; else it is given all rows
 * that were drawn, records them on disk, and only then gives them on. From then on they
 * are recorded for this execution, too: whatever asks it again gets no other draw.
 */
#include "core/compat.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "core/approval.h"
#include "core/errors.h"
#include "gate/border.h"
#include "ledger/releases.h"

PG_FUNCTION_INFO_V1(ehds_release_is_kept);
PG_FUNCTION_INFO_V1(ehds_keep_release);

/* What an answer may depend on besides the query and our own settings. */
static const char *const settings[] = {
	"TimeZone",
	"DateStyle",
	"IntervalStyle",
	"timezone_abbreviations",
	"bytea_output",
	"extra_float_digits",
	"lc_messages",
	"lc_monetary",
	"lc_numeric",
	"lc_time",
	"default_text_search_config",
	"xmlbinary",
	"xmloption",
	"array_nulls",
};

/* ------------------------------------------------------------------ may it be recognised? */

/* Functions that read the time zone and nothing else. */
static bool
reads_time_zone(Oid funcid)
{
	switch (funcid)
	{
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ:
		case F_DATE_PART_TEXT_TIMESTAMPTZ:
		case F_EXTRACT_TEXT_TIMESTAMPTZ:
		case F_TIMESTAMPTZ_DATE:
		case F_TIMESTAMPTZ_TIMESTAMP:
		case F_DATE_TIMESTAMPTZ:
		case F_TIMESTAMP_TIMESTAMPTZ:
			return true;
		default:
			return false;
	}
}

static bool
is_of_the_moment(Oid funcid, void *context)
{
	char *name;

	if (funcid < FirstNormalObjectId)
		return func_volatile(funcid) != PROVOLATILE_IMMUTABLE && !reads_time_zone(funcid);
	if (get_func_namespace(funcid) != ehds_namespace())
		return true;
	/* a map may be published again */
	name = get_func_name(funcid);
	return name == NULL || strcmp(name, "coarsen") == 0;
}

static bool
moment_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		/* sealed tables and those of the grantee's own change when the grantee likes */
		return rte->rtekind == RTE_RELATION && !ehds_is_protected(rte->relid) &&
			   ehds_permit_view(rte->relid) == NULL && get_rel_namespace(rte->relid) != ehds_namespace() &&
			   !ehds_is_public_of_others(rte->relid);
	}
	if (IsA(node, SQLValueFunction) || IsA(node, NextValueExpr))
		return true;
	if (check_functions_in_node(node, is_of_the_moment, NULL))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, moment_walker, context, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, moment_walker, context);
}

/* ------------------------------------------------------------------ its key */

static void
append_text(StringInfo buf, const char *s)
{
	/* with its end, so that two texts are not another two */
	appendBinaryStringInfo(buf, s, strlen(s) + 1);
}

/* Positions in the text of the query are no part of what it means. */
static void
append_without_positions(StringInfo buf, const char *tree)
{
	static const char *const fields[] = {":location ", ":stmt_location ", ":stmt_len "};

	/* a blank inside of a name is escaped: these words stand for themselves only */
	while (*tree != '\0')
	{
		bool skipped = false;

		for (int i = 0; i < lengthof(fields) && *tree == ':'; i++)
		{
			if (strncmp(tree, fields[i], strlen(fields[i])) == 0)
			{
				tree += strlen(fields[i]);
				tree += strspn(tree, "-0123456789");
				skipped = true;
				break;
			}
		}
		if (!skipped)
			appendStringInfoCharMacro(buf, *tree++);
	}
}

static void
sha256(const StringInfo buf, uint8 digest[EHDS_RELEASE_KEY_LEN])
{
	pg_cryptohash_ctx *ctx = pg_cryptohash_create(PG_SHA256);

	StaticAssertStmt(EHDS_RELEASE_KEY_LEN == PG_SHA256_DIGEST_LENGTH, "a key is a digest");
	if (ctx == NULL || pg_cryptohash_init(ctx) < 0 ||
		pg_cryptohash_update(ctx, (const uint8 *) buf->data, buf->len) < 0 ||
		pg_cryptohash_final(ctx, digest, EHDS_RELEASE_KEY_LEN) < 0)
		elog(ERROR, "could not compute a digest");
	pg_cryptohash_free(ctx);
}

/*
 * A view of the permit stands for what it is now: loads may swap the tables behind
 * it. Its name is added to the text, its content is left out.
 */
static bool
abstract_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;
		Oid view = ehds_view_of_subquery(rte);

		if (OidIsValid(view) && ehds_permit_view(view) != NULL)
		{
			append_text((StringInfo) context, get_rel_name(view));
			rte->subquery = NULL;
			rte->relid = InvalidOid;
		}
		return false;
	}
	if (IsA(node, Query))
	{
		ehds_forget_rights((Query *) node);
		return query_tree_walker((Query *) node, abstract_walker, context, QTW_EXAMINE_RTES_BEFORE);
	}
	return expression_tree_walker(node, abstract_walker, context);
}

/* Before the statement is rewritten: the part of its key that does not change between executions. */
void
ehds_begin_repeatable(EhdsGate *gate)
{
	StringInfoData buf;
	Query *query;
	uint8 digest[EHDS_RELEASE_KEY_LEN];

	if (!gate->permit->dp || moment_walker((Node *) gate->top, NULL))
		return;
	initStringInfo(&buf);
	query = copyObject(gate->top);
	(void) abstract_walker((Node *) query, &buf);
	append_without_positions(&buf, nodeToString(query));
	sha256(&buf, digest);
	gate->repeat = palloc(2 * EHDS_RELEASE_KEY_LEN + 1);
	hex_encode((const char *) digest, EHDS_RELEASE_KEY_LEN, gate->repeat);
	gate->repeat[2 * EHDS_RELEASE_KEY_LEN] = '\0';
}

/* What the release is made from besides the statement: the label of a column, which may change. */
void
ehds_repeat_with(EhdsGate *gate, const char *declared)
{
	StringInfoData buf;
	uint8 digest[EHDS_RELEASE_KEY_LEN];

	if (gate->repeat == NULL)
		return;
	initStringInfo(&buf);
	append_text(&buf, gate->repeat);
	append_text(&buf, declared);
	sha256(&buf, digest);
	hex_encode((const char *) digest, EHDS_RELEASE_KEY_LEN, gate->repeat);
}

/* All that users set, but ehds.fresh: it decides whether this one is asked at all. */
static void
append_own_settings(StringInfo buf)
{
	int n;
	struct config_generic **all = ehds_all_settings(&n);

	for (int i = 0; i < n; i++)
	{
		const char *value;

		if (all[i]->context != PGC_USERSET || pg_strncasecmp(all[i]->name, "ehds.", 5) != 0 ||
			strcmp(all[i]->name, "ehds.fresh") == 0)
			continue;
		value = GetConfigOption(all[i]->name, true, false);
		append_text(buf, all[i]->name);
		append_text(buf, value ? value : "");
	}
}

/*
 * Types send and receive texts in the client's encoding. What is recorded, or told apart,
 * does not depend on the client: from here to give_back_encoding, it has the server's.
 */
static int
take_server_encoding(void)
{
	int of_client = pg_get_client_encoding();

	(void) SetClientEncoding(GetDatabaseEncoding());
	return of_client;
}

static void
give_back_encoding(int of_client)
{
	(void) SetClientEncoding(of_client);
}

/* What the type sends of it, which is all of it: as text, settings may round it. False if it sends nothing. */
static bool
append_value(StringInfo buf, Oid type, Datum value)
{
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid send;
	bytea *bytes;

	if (!HeapTupleIsValid(tuple))
		return false;
	send = ((Form_pg_type) GETSTRUCT(tuple))->typsend;
	ReleaseSysCache(tuple);
	if (!OidIsValid(send))
		return false;
	bytes = OidSendFunctionCall(send, value);
	appendStringInfo(buf, "%u ", (unsigned) VARSIZE_ANY_EXHDR(bytes));
	appendBinaryStringInfo(buf, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	return true;
}

/* The values of the parameters; false if they can't be told beforehand. */
static bool
append_parameters(StringInfo buf, ParamListInfo params)
{
	if (params == NULL)
		return true;
	if (params->paramFetch != NULL)
		return false;
	for (int i = 0; i < params->numParams; i++)
	{
		ParamExternData *p = &params->params[i];

		if (p->ptype >= FirstNormalObjectId)
			return false;
		appendStringInfo(buf, "%u ", p->ptype);
		if (p->isnull || !OidIsValid(p->ptype))
		{
			append_text(buf, "NULL");
			continue;
		}
		append_text(buf, "value");
		if (!append_value(buf, p->ptype, p->value))
			return false;
	}
	return true;
}

bool
ehds_repeat_key(const EhdsMarker *marker, ParamListInfo params, uint8 *key)
{
	StringInfoData buf;
	int encoding;
	volatile bool told = false;

	if (marker->repeat[0] == '\0')
		return false;
	initStringInfo(&buf);
	append_text(&buf, marker->repeat);
	append_text(&buf, marker->permit);
	appendStringInfo(&buf, "%d ", marker->version);
	for (int i = 0; i < lengthof(settings); i++)
	{
		const char *value = GetConfigOption(settings[i], true, false);

		append_text(&buf, settings[i]);
		append_text(&buf, value ? value : "");
	}
	append_own_settings(&buf);
	encoding = take_server_encoding();
	PG_TRY();
	{
		told = append_parameters(&buf, params);
	}
	PG_FINALLY();
	{
		give_back_encoding(encoding);
	}
	PG_END_TRY();
	if (told)
		sha256(&buf, key);
	return told;
}

/*
 * The key under which its charge may be asked again on: also of what is drawn and what
 * it costs, which declarations may have changed since, and of the ledger.
 */
void
ehds_charge_key(const uint8 *key, int releases, const EhdsCharge *charge, List *noises, uint8 *charge_key)
{
	StringInfoData buf;
	ListCell *lc;

	StaticAssertStmt(EHDS_CHARGE_KEY_LEN == EHDS_RELEASE_KEY_LEN, "both are digests");
	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, (const char *) key, EHDS_RELEASE_KEY_LEN);
	appendStringInfo(&buf, "%u %d %lld %lld %lld ", get_relname_relid("ledger_entry", ehds_namespace()),
					 releases, (long long) charge->epsilon_nano, (long long) charge->delta_atto,
					 (long long) charge->rho_pico);
	foreach(lc, noises)
		append_text(&buf, strVal(lfirst(lc)));
	sha256(&buf, charge_key);
}

/* ------------------------------------------------------------------ in the release's place */

static char *
collate_clause(Node *expr)
{
	Oid collation = exprCollation(expr);

	return OidIsValid(collation) && collation != DEFAULT_COLLATION_OID
			   ? psprintf(" COLLATE %s", generate_collation_name(collation))
			   : "";
}

static bool
plant_walker(Node *node, void *arg)
{
	EhdsGate *gate = (EhdsGate *) arg;

	if (node == NULL)
		return false;
	if (IsA(node, Const) && ((Const *) node)->constisnull &&
		((Const *) node)->consttype == ehds_approval_type())
		*(Const *) node = *(Const *) ehds_approval_const(gate->approval);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, plant_walker, arg, 0);
	return expression_tree_walker(node, plant_walker, arg);
}

/* A query that gives what release q of the statement's WITH list gives, recorded. */
Query *
ehds_recorded(EhdsGate *gate, Query *q)
{
	StringInfoData placeholder;
	StringInfoData row;
	StringInfoData columns;
	Query *outer;
	FuncExpr *keep;
	Query *array;
	ListCell *lc;

	if (gate->repeat == NULL)
		return q;
	initStringInfo(&placeholder);
	initStringInfo(&row);
	initStringInfo(&columns);
	foreach(lc, q->targetList)
	{
		TargetEntry *tle = lfirst(lc);
		const char *comma = row.len > 0 ? ", " : "";
		const char *name;
		char *type;
		char *collate;

		if (tle->resjunk)
			continue;
		name = quote_identifier(tle->resname);
		type = ehds_type_name(exprType((Node *) tle->expr));
		collate = collate_clause((Node *) tle->expr);
		appendStringInfo(&placeholder, "%sNULL::%s%s AS %s", comma, type, collate, name);
		appendStringInfo(&row, "%sd.%s", comma, name);
		appendStringInfo(&columns, "%s%s %s%s", comma, name, type, collate);
	}
	outer = ehds_parse_template(
		psprintf("SELECT f.* FROM ehds.keep_release(%1$d, CASE WHEN ehds.release_is_kept(%1$d, NULL::ehds.approval) "
				 "THEN NULL ELSE (SELECT pg_catalog.array_agg(ROW(%2$s)) FROM (SELECT %3$s) d) END, "
				 "NULL::ehds.approval) AS f(%4$s)",
				 gate->borders + 1, row.data, placeholder.data, columns.data));
	(void) query_tree_walker(outer, plant_walker, gate, 0);

	/* found by position: the template's shape is ours */
	keep = castNode(FuncExpr,
					linitial_node(RangeTblFunction, rt_fetch(1, outer->rtable)->functions)->funcexpr);
	array = castNode(Query, castNode(SubLink, castNode(CaseExpr, lsecond(keep->args))->defresult)->subselect);
	/* it was one query below the statement and is three now */
	ehds_move_query(gate, q, 1, 3, true);
	rt_fetch(1, array->rtable)->subquery = q;
	return outer;
}

static bytea **
kept_release(EhdsExecution *ex, int n)
{
	if (n < 1 || n > ex->releases)
		elog(ERROR, "there is no release %d in this execution", n);
	return &ex->kept[n - 1];
}

Datum
ehds_release_is_kept(PG_FUNCTION_ARGS)
{
	EhdsExecution *ex = ehds_getarg_execution(fcinfo, 1);
	bool kept = *kept_release(ex, PG_GETARG_INT32(0)) != NULL;

	/* it is computed next, and nothing of it is read before this is known */
	if (!kept)
		ex->begun++;
	PG_RETURN_BOOL(kept);
}

/* The rows of a release as bytes: of each column its length, or -1, and what its type sends. */
static void
append_row(StringInfo buf, HeapTupleHeader row, TupleDesc expected)
{
	TupleDesc desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	Datum *values = (Datum *) palloc(sizeof(Datum) * desc->natts);
	bool *nulls = (bool *) palloc(sizeof(bool) * desc->natts);
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = row;
	if (desc->natts != expected->natts)
		elog(ERROR, "a release has another number of columns than it should");
	heap_deform_tuple(&tuple, desc, values, nulls);
	for (int i = 0; i < desc->natts; i++)
	{
		Oid type = TupleDescAttr(desc, i)->atttypid;
		Oid send;
		bool varlena;
		bytea *bytes;

		if (type != TupleDescAttr(expected, i)->atttypid)
			elog(ERROR, "column %d of a release has another type than it should", i + 1);
		if (nulls[i])
		{
			pq_sendint32(buf, -1);
			continue;
		}
		getTypeBinaryOutputInfo(type, &send, &varlena);
		bytes = OidSendFunctionCall(send, values[i]);
		pq_sendint32(buf, VARSIZE(bytes) - VARHDRSZ);
		pq_sendbytes(buf, VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ);
	}
	ReleaseTupleDesc(desc);
}

static void
give_rows(ReturnSetInfo *rsinfo, bytea *data)
{
	TupleDesc desc = rsinfo->setDesc;
	Datum *values = (Datum *) palloc(sizeof(Datum) * desc->natts);
	bool *nulls = (bool *) palloc(sizeof(bool) * desc->natts);
	StringInfoData buf;

	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data));
	while (buf.cursor < buf.len)
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < desc->natts; i++)
		{
			Oid type = TupleDescAttr(desc, i)->atttypid;
			int len = (int) pq_getmsgint(&buf, 4);
			Oid receive;
			Oid param;
			StringInfoData item;

			nulls[i] = len < 0;
			if (nulls[i])
				continue;
			initStringInfo(&item);
			appendBinaryStringInfo(&item, pq_getmsgbytes(&buf, len), len);
			getTypeBinaryInputInfo(type, &receive, &param);
			values[i] = OidReceiveFunctionCall(receive, &item, param, -1);
		}
		tuplestore_putvalues(rsinfo->setResult, desc, values, nulls);
	}
}

/* Record the rows that were drawn (NULL: none). */
static void
keep_rows(EhdsExecution *ex, int n, ArrayType *drawn, TupleDesc desc)
{
	StringInfoData buf;
	bytea *data;

	initStringInfo(&buf);
	if (drawn != NULL)
	{
		Datum *rows;
		bool *nulls;
		int count;

		deconstruct_array(drawn, RECORDOID, -1, false, TYPALIGN_DOUBLE, &rows, &nulls, &count);
		for (int i = 0; i < count; i++)
			append_row(&buf, DatumGetHeapTupleHeader(rows[i]), desc);
	}
	data = (bytea *) MemoryContextAlloc(GetMemoryChunkContext(ex), VARHDRSZ + buf.len);
	SET_VARSIZE(data, VARHDRSZ + buf.len);
	memcpy(VARDATA(data), buf.data, buf.len);
	/* on disk before anybody is told */
	if (ex->has_key)
		ehds_releases_keep(ex->key, n, ex->permit, buf.data, buf.len, &ex->stores[n - 1]);
	ex->kept[n - 1] = data;
	ex->begun--;
}

/* keep_release(release integer, drawn record[], approval) */
Datum
ehds_keep_release(PG_FUNCTION_ARGS)
{
	EhdsExecution *ex = ehds_getarg_execution(fcinfo, 2);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int n = PG_GETARG_INT32(0);
	bytea **kept = kept_release(ex, n);
	int encoding;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	encoding = take_server_encoding();
	PG_TRY();
	{
		if (*kept == NULL)
			keep_rows(ex, n, PG_ARGISNULL(1) ? NULL : PG_GETARG_ARRAYTYPE_P(1), rsinfo->setDesc);
		give_rows(rsinfo, *kept);
	}
	PG_FINALLY();
	{
		give_back_encoding(encoding);
	}
	PG_END_TRY();
	return (Datum) 0;
}
