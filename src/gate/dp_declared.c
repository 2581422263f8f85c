/*
 * dp_declared.c
 *		Columns whose values everybody may know of, and these values as SQL.
 *
 * Listed values stand in the query as an array.  Those of another column, and the
 * labels of an enumeration, are read when the query runs; the analyst needs the right
 * to read that column.
 */
#include "core/compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/errors.h"
#include "gate/dp_domain.h"

PG_FUNCTION_INFO_V1(ehds_dp_domain_fits);

Oid
ehds_sealed_store(RangeTblEntry *rte)
{
	EhdsPermitView *view = ehds_permit_view(ehds_view_of_subquery(rte));

	return view != NULL ? view->store : InvalidOid;
}

/* The column of a table that a permit's view shows as it stands there. */
static Oid
table_of_view(Oid viewid, AttrNumber *attno)
{
	Relation view;
	Query *query;
	Var *column;
	Oid relid = InvalidOid;

	if (get_rel_relkind(viewid) != RELKIND_VIEW)
		return InvalidOid;
	view = table_open(viewid, AccessShareLock);
	query = get_view_query(view);
	column = (Var *) get_tle_by_resno(query->targetList, *attno)->expr;
	if (IsA(column, Var) && column->varlevelsup == 0 &&
		rt_fetch(column->varno, query->rtable)->rtekind == RTE_RELATION)
	{
		relid = rt_fetch(column->varno, query->rtable)->relid;
		*attno = column->varattno;
	}
	table_close(view, AccessShareLock);
	return relid;
}

static bool
is_not_null(Oid relid, AttrNumber attno)
{
	HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attno));
	bool not_null = HeapTupleIsValid(tuple) && ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return not_null;
}

/* The table that a domain refers to, as it is now. */
static void
require_source(const EhdsDomain *domain, Oid relid, AttrNumber attno)
{
	char *reason;
	AttrNumber source;

	if (domain->schema != NULL && !OidIsValid(ehds_domain_source(domain, &source, &reason)))
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_DECLARATION),
				 errmsg("the declared domain of column \"%s\" can't be used: %s",
						get_attname(relid, attno, false), reason),
				 errdetail("It is \"%s\".", domain->text),
				 errhint(
					 "The administrator labels that table public again, or the column with another domain.")));
}

DomainColumn *
ehds_domain_of_column(RangeTblEntry *rte, Var *var, bool nulled)
{
	DomainColumn *column = palloc0(sizeof(DomainColumn));
	Oid relid = InvalidOid;
	AttrNumber attno = var->varattno;

	if (rte->rtekind == RTE_RELATION)
		relid = rte->relid;
	else if (rte->rtekind == RTE_SUBQUERY)
	{
		EhdsPermitView *view = ehds_permit_view(ehds_view_of_subquery(rte));

		if (view == NULL || attno > view->n_origins || !OidIsValid(view->origins[attno - 1].view))
			return NULL;
		relid = view->origins[attno - 1].view;
		attno = view->origins[attno - 1].attno;
		relid = table_of_view(relid, &attno);
		nulled = true;
	}
	if (!OidIsValid(relid) || get_atttype(relid, attno) != var->vartype)
		return NULL;
	column->like = makeVar(1, 1, var->vartype, var->vartypmod, var->varcollid, 0);
	column->null = nulled || !is_not_null(relid, attno);
	if (var->vartype == BOOLOID || get_typtype(var->vartype) == TYPTYPE_ENUM)
		return column;
	column->declared = ehds_declared_domain(relid, attno);
	if (column->declared == NULL)
		return NULL;
	require_source(column->declared, relid, attno);
	/* what was copied into a sealed table, the constraint may have allowed at that time only */
	column->covers = rte->rtekind == RTE_RELATION && ehds_domain_covers(column->declared, relid, attno);
	return column;
}

Oid
ehds_domain_table(const DomainColumn *column)
{
	AttrNumber attno;
	char *reason;

	if (column->declared == NULL || column->declared->schema == NULL)
		return InvalidOid;
	return ehds_domain_source(column->declared, &attno, &reason);
}

/*
 * SELECT of the column that a domain refers to, before its WHERE. In the collation of
 * the column that it is the domain of, which was looked at: another may be out of date,
 * and would say so when the first person is there.
 */
static char *
source_sql(const DomainColumn *column)
{
	const EhdsDomain *d = column->declared;
	Oid collation = column->like->varcollid;
	char *collate = OidIsValid(collation) ? psprintf(" COLLATE %s", ehds_collation_name(collation)) : "";

	return psprintf("SELECT DISTINCT r.%s::%s%s AS c FROM %s r", quote_identifier(d->column),
					ehds_type_name(d->type), collate, quote_qualified_identifier(d->schema, d->table));
}

char *
ehds_domain_from(const DomainColumn *column, int n)
{
	char *type = ehds_type_name(column->like->vartype);
	char *null = column->null ? psprintf(" UNION ALL SELECT NULL::%s", type) : "";

	if (column->declared == NULL && column->like->vartype == BOOLOID)
		return psprintf("(SELECT false AS c UNION ALL SELECT true%s) d%d", null, n);
	if (column->declared == NULL)
		return psprintf("(SELECT e AS c FROM pg_catalog.unnest(pg_catalog.enum_range(NULL::%s)) e%s) d%d",
						type, null, n);
	if (column->declared->schema != NULL)
		return psprintf("(SELECT c FROM (%s) s WHERE c IS NOT NULL%s) d%d", source_sql(column), null, n);
	return psprintf("pg_catalog.unnest(NULL::%s[]) d%d(c)", type, n);
}

static Const *
array_of(const DomainColumn *column, bool with_null)
{
	const EhdsDomain *d = column->declared;
	int n = d->n_values;
	Datum *values = palloc0(sizeof(Datum) * (n + 1));
	bool *nulls = palloc0(sizeof(bool) * (n + 1));
	ArrayType *array;
	int lower = 1;

	memcpy(values, d->values, sizeof(Datum) * n);
	if (with_null)
		nulls[n++] = true;
	array = construct_md_array(values, nulls, 1, &n, &lower, d->type, d->typlen, d->typbyval, d->typalign);
	return makeConst(get_array_type(d->type), -1, column->like->varcollid, -1, PointerGetDatum(array), false,
					 false);
}

void
ehds_domain_fill(const DomainColumn *column, RangeTblEntry *entry)
{
	FuncExpr *unnest;

	if (column->declared == NULL || column->declared->schema != NULL)
		return;
	unnest = castNode(FuncExpr, linitial_node(RangeTblFunction, entry->functions)->funcexpr);
	linitial(unnest->args) = array_of(column, column->null);
}

char *
ehds_domain_size_of_source(const DomainColumn *column)
{
	return psprintf("(SELECT pg_catalog.count(*)::pg_catalog.numeric FROM (%s LIMIT %d) s)",
					source_sql(column), EHDS_DOMAIN_MAX + 1);
}

/* Where a template has NULL of the column's type its column is put, where it has an array of them the values. */
static Node *
fill_mutator(Node *node, void *arg)
{
	const DomainColumn *column = (const DomainColumn *) arg;

	if (node == NULL)
		return NULL;
	if (IsA(node, Const) && ((Const *) node)->constisnull)
	{
		if (((Const *) node)->consttype == column->like->vartype)
			return (Node *) copyObject(column->in_query);
		if (((Const *) node)->consttype == get_array_type(column->like->vartype))
			return (Node *) array_of(column, false);
	}
	return expression_tree_mutator(node, fill_mutator, arg);
}

Node *
ehds_domain_condition(const DomainColumn *column, bool nulls)
{
	char *null;
	char *sql;

	if (column->declared == NULL || column->in_query == NULL)
		return NULL;
	null = ehds_dp_null_key((Node *) column->like);
	if (column->declared->schema != NULL)
		sql = psprintf("%s OPERATOR(pg_catalog.=) ANY (%s)", null, source_sql(column));
	else
		sql = psprintf("%s OPERATOR(pg_catalog.=) ANY (NULL::%s[])", null,
					   ehds_type_name(column->like->vartype));
	if (nulls && column->null)
		sql = psprintf("%s IS NULL OR %s", null, sql);
	return fill_mutator(ehds_parse_expression(psprintf("SELECT %s", sql)), (void *) column);
}

char *
ehds_domain_text(const DomainColumn *column)
{
	StringInfoData labels;
	CatCList *list;

	if (column->declared != NULL)
		return column->declared->text;
	if (column->like->vartype == BOOLOID)
		return "boolean";
	initStringInfo(&labels);
	list = SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(column->like->vartype));
	for (int i = 0; i < list->n_members; i++)
		appendStringInfo(&labels, "%s,",
						 quote_identifier(
							 NameStr(((Form_pg_enum) GETSTRUCT(&list->members[i]->tuple))->enumlabel)));
	ReleaseSysCacheList(list);
	return labels.data;
}

/* dp_domain_fits(combinations numeric): true, or an error; sizes of public tables only */
Datum
ehds_dp_domain_fits(PG_FUNCTION_ARGS)
{
	Datum most = DirectFunctionCall1(int8_numeric, Int64GetDatum(EHDS_DOMAIN_MAX));

	if (DatumGetBool(DirectFunctionCall2(numeric_gt, PG_GETARG_DATUM(0), most)))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the declared domains of the group keys have more than %d combinations",
							   EHDS_DOMAIN_MAX),
						errhint("Group by fewer columns, or by a column with fewer values.")));
	PG_RETURN_BOOL(true);
}
