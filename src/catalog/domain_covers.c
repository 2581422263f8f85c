/*
 * domain_covers.c
 *		Columns whose constraints leave them no other values than their domain has.
 *
 * A foreign key to the column that the domain refers to, or a CHECK that implies that
 * the value is one of those listed.  Then no row is outside of all groups, and parts
 * add up to their totals.  Nothing that is promised to persons rests on it.
 */
#include "core/compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_oper.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

#include "catalog/domain.h"

static bool
is_validated(Oid constraint)
{
	HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	bool validated = HeapTupleIsValid(tuple) && ((Form_pg_constraint) GETSTRUCT(tuple))->convalidated;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return validated;
}

static bool
references(Relation rel, AttrNumber attno, Oid source, AttrNumber source_attno)
{
	List *constraints = NIL;
	ListCell *lc;

	/* that list is the relation cache's: nothing is looked up while it is read */
	foreach(lc, RelationGetFKeyList(rel))
	{
		ForeignKeyCacheInfo *key = lfirst(lc);

		if (key->nkeys == 1 && key->conkey[0] == attno && key->confrelid == source &&
			key->confkey[0] == source_attno)
			constraints = lappend_oid(constraints, key->conoid);
	}
	foreach(lc, constraints)
	{
		if (is_validated(lfirst_oid(lc)))
			return true;
	}
	return false;
}

/* column = ANY (values) */
static Node *
is_listed(const EhdsDomain *d, const Var *column)
{
	ScalarArrayOpExpr *any = makeNode(ScalarArrayOpExpr);
	Oid compared = d->type == VARCHAROID ? TEXTOID : d->type;
	Node *value = (Node *) copyObject((Var *) column);
	ArrayType *array;

	if (compared != d->type)
		value = (Node *) makeRelabelType((Expr *) value, compared, -1, column->varcollid,
										 COERCE_IMPLICIT_CAST);
	get_sort_group_operators(compared, false, true, false, NULL, &any->opno, NULL, NULL);
	array = construct_array(d->values, d->n_values, compared, d->typlen, d->typbyval, d->typalign);
	any->opfuncid = get_opcode(any->opno);
	any->useOr = true;
	any->inputcollid = column->varcollid;
	any->args = list_make2(value, makeConst(get_array_type(compared), -1, column->varcollid, -1,
											PointerGetDatum(array), false, false));
	any->location = -1;
	return (Node *) any;
}

static bool
is_checked(Relation rel, AttrNumber attno, const EhdsDomain *d)
{
	TupleConstr *constraints = RelationGetDescr(rel)->constr;
	Form_pg_attribute column = TupleDescAttr(RelationGetDescr(rel), attno - 1);
	List *checks = NIL;
	Node *listed;

	for (int i = 0; constraints != NULL && i < constraints->num_check; i++)
	{
		Node *check;

		if (!constraints->check[i].ccvalid)
			continue;
		check = eval_const_expressions(NULL, stringToNode(constraints->check[i].ccbin));
		checks = list_concat(checks, make_ands_implicit((Expr *) canonicalize_qual((Expr *) check, true)));
	}
	if (checks == NIL)
		return false;
	listed = is_listed(d, makeVar(1, attno, column->atttypid, column->atttypmod, column->attcollation, 0));
	/* a CHECK that is NULL lets the row in */
	return predicate_implied_by(list_make1(listed), checks, true);
}

bool
ehds_domain_covers(const EhdsDomain *d, Oid relid, AttrNumber attno)
{
	char kind = get_rel_relkind(relid);
	AttrNumber source_attno;
	char *reason;
	Relation rel;
	bool covers;

	/* children by inheritance have constraints of their own, foreign tables have none */
	if (kind != RELKIND_PARTITIONED_TABLE && (kind != RELKIND_RELATION || has_subclass(relid)))
		return false;
	rel = table_open(relid, AccessShareLock);
	if (d->schema != NULL)
	{
		Oid source = ehds_domain_source(d, &source_attno, &reason);

		covers = OidIsValid(source) && references(rel, attno, source, source_attno);
	}
	else
		covers = is_checked(rel, attno, d);
	table_close(rel, NoLock);
	return covers;
}
