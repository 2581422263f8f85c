/*
 * approve.c
 *		From the query that names a permit's views to a plan that carries its
 *		approval.
 *
 * The gate sees a query after view expansion: a view of a permit is a subquery
 * whose guard and pseudonym calls end in a NULL of type ehds.approval. Only in
 * such a subquery that the rewriter made from a registered view is that NULL
 * replaced. The plan is marked by a last range table entry, an unreferenced
 * RTE_RESULT: unlike queryId, planId or the plan's address it survives copying,
 * plan caching and the way to parallel workers, and no SQL can make one.
 */
#include "core/compat.h"

#include "access/parallel.h"
#include "catalog/catalog.h"
#include "catalog/pg_inherits.h"
#include "jit/jit.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/syscache.h"

#include "core/approval.h"
#include "core/errors.h"
#include "gate/gate.h"

#define MARKER_NAME "pg_ehds approval"

/* The view that a subquery was made from, InvalidOid for any other entry. */
Oid
ehds_view_of_subquery(RangeTblEntry *rte)
{
	if (rte->rtekind != RTE_SUBQUERY || rte->subquery == NULL)
		return InvalidOid;
	return ehds_rewritten_view(rte);
}

typedef struct
{
	List *permits; /* names, each once */
	List *views;   /* OIDs, each once */
} Mention;

static bool
mention_walker(Node *node, void *arg)
{
	Mention *m = (Mention *) arg;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		EhdsPermitView *v = ehds_permit_view(ehds_view_of_subquery((RangeTblEntry *) node));

		if (v != NULL)
		{
			ListCell *lc;

			m->views = list_append_unique_oid(m->views, v->view);
			foreach(lc, m->permits)
			{
				if (strcmp(lfirst(lc), v->permit) == 0)
					return false;
			}
			m->permits = lappend(m->permits, pstrdup(v->permit));
		}
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, mention_walker, arg,
								 QTW_EXAMINE_RTES_BEFORE | QTW_IGNORE_JOINALIASES);
	return expression_tree_walker(node, mention_walker, arg);
}

static Mention
mentioned(Query *query)
{
	Mention m = {NIL, NIL};

	(void) mention_walker((Node *) query, &m);
	return m;
}

/*
 * A view that was expanded is a subquery. A query has one only in its range table,
 * a WITH list or a sublink, and the planner relies on the same flag for the last.
 */
static bool
has_subquery(Query *query)
{
	ListCell *lc;

	if (query->hasSubLinks || query->cteList != NIL)
		return true;
	foreach(lc, query->rtable)
	{
		if (lfirst_node(RangeTblEntry, lc)->rtekind == RTE_SUBQUERY)
			return true;
	}
	return false;
}

bool
ehds_mentions_permit_view(Query *query)
{
	return ehds_any_permit_view() && has_subquery(query) && mentioned(query).permits != NIL;
}

/* Is the tree a plain SELECT all the way down? */
static bool
writes_walker(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query *q = (Query *) node;

		if (q->commandType != CMD_SELECT || q->hasModifyingCTE || q->rowMarks != NIL)
			return true;
		return query_tree_walker(q, writes_walker, arg, QTW_IGNORE_JOINALIASES);
	}
	return expression_tree_walker(node, writes_walker, arg);
}

static bool
see_relations_walker(Node *node, void *arg)
{
	EhdsGate *gate = (EhdsGate *) arg;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		if (OidIsValid(((RangeTblEntry *) node)->relid))
			gate->seen = list_append_unique_oid(gate->seen, ((RangeTblEntry *) node)->relid);
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, see_relations_walker, arg,
								 QTW_EXAMINE_RTES_BEFORE | QTW_IGNORE_JOINALIASES);
	return expression_tree_walker(node, see_relations_walker, arg);
}

/*
 * A query under a row-level permit: any SELECT, over the permit's views, public
 * tables, the grantee's own tables and the system catalogs.
 */
static bool
row_level_walker(Node *node, void *arg)
{
	EhdsGate *gate = (EhdsGate *) arg;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (ehds_permit_view(ehds_view_of_subquery(rte)) != NULL)
			ehds_plant_approval(gate, rte->subquery);
		else if (rte->rtekind == RTE_RELATION && rte->inFromCl)
			ehds_require_public_relation(rte->relid);
		return false;
	}
	if (IsA(node, Query))
	{
		Query *q = (Query *) node;
		ListCell *lc;

		/* not into the permit's views: what they read is the permit's */
		foreach(lc, q->rtable)
		{
			RangeTblEntry *rte = lfirst(lc);

			(void) row_level_walker((Node *) rte, arg);
			if (rte->rtekind == RTE_SUBQUERY && ehds_permit_view(ehds_view_of_subquery(rte)) == NULL)
				(void) row_level_walker((Node *) rte->subquery, arg);
			else if (rte->rtekind == RTE_FUNCTION)
				(void) row_level_walker((Node *) rte->functions, arg);
			else if (rte->rtekind == RTE_VALUES)
				(void) row_level_walker((Node *) rte->values_lists, arg);
			else if (rte->rtekind == RTE_TABLEFUNC)
				(void) row_level_walker((Node *) rte->tablefunc, arg);
		}
		return query_tree_walker(q, row_level_walker, arg, QTW_IGNORE_RANGE_TABLE);
	}
	return expression_tree_walker(node, row_level_walker, arg);
}

static Oid
relation_owner(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* Plant the approval into the calls of one view, at its own query level only. */
static bool
plant_walker(Node *node, void *arg)
{
	EhdsGate *gate = (EhdsGate *) arg;

	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr))
	{
		FuncExpr *f = (FuncExpr *) node;
		Node *last = f->args == NIL ? NULL : llast(f->args);

		if (last != NULL && IsA(last, Const) && ((Const *) last)->constisnull &&
			((Const *) last)->consttype == ehds_approval_type() &&
			get_func_namespace(f->funcid) == ehds_namespace())
			llast(f->args) = ehds_approval_const(gate->approval);
	}
	if (IsA(node, Query))
		return false;
	return expression_tree_walker(node, plant_walker, arg);
}

void
ehds_plant_approval(EhdsGate *gate, Query *view)
{
	(void) plant_walker((Node *) view->targetList, gate);
	(void) plant_walker((Node *) view->jointree, gate);
	if (!EHDS_PLANNER_KNOWS_NOT_NULL)
		ehds_drop_certain(view);
}

Oid
ehds_approval_type(void)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("approval"),
						   ObjectIdGetDatum(ehds_namespace()));
}

Node *
ehds_approval_const(uint64 approval)
{
	return (Node *) makeConst(ehds_approval_type(), -1, InvalidOid, sizeof(uint64),
							  Int64GetDatum((int64) approval), false, true);
}

/*
 * A relation beside the permit's views must hold nobody's data: declared public,
 * a table of the role itself, or a system catalog.
 */
void
ehds_require_public_relation(Oid relid)
{
	Oid owner;
	char *name = get_rel_name(relid);

	if (IsCatalogNamespace(get_rel_namespace(relid)))
		return;
	if (ehds_is_protected(relid))
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_REFUSED),
				 errmsg("table \"%s\" is protected, a query under a permit reads it through the permit's view",
						name),
				 errhint("Use the view of the same name in the permit's schema.")));
	if (ehds_is_public(relid))
		return;
	owner = relation_owner(relid);
	if (OidIsValid(owner) && is_member_of_role_nosuper(GetUserId(), owner))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_EHDS_DECLARATION),
			 errmsg("table \"%s\" is neither protected nor public, a query under a permit does not read it",
					name),
			 errhint(
				 "The administrator declares it: SECURITY LABEL FOR pg_ehds ON TABLE ... IS 'public', or ehds.protect().")));
}

/* A sealed table holds what the permit opened when it was made. */
static void
require_current(EhdsGate *gate)
{
	ListCell *lc;

	foreach(lc, gate->views)
	{
		EhdsPermitView *v = ehds_permit_view(lfirst_oid(lc));

		if (v != NULL && OidIsValid(v->store) && v->version != gate->permit->version)
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_NOT_APPROVED),
					 errmsg("sealed table \"%s\" is out of date: permit \"%s\", or the keys of its persons, changed after it was made",
							get_rel_name(v->view), v->permit),
					 errhint("Drop it and make it again.")));
	}
}

/*
 * Check the whole query and rewrite it in place; raises if it is refused.
 */
void
ehds_gate_check(EhdsGate *gate, Query *query)
{
	Mention mention = mentioned(query);
	List *permits = mention.permits;
	EhdsPermit *p;

	Assert(permits != NIL);
	if (list_length(permits) > 1)
	{
		char *reason = psprintf("views of permit \"%s\" in the same query", (char *) lsecond(permits));

		ehds_refuse(linitial(permits), "select", reason);
		ereport(ERROR, (errcode(ERRCODE_EHDS_NOT_IN_FORCE),
						errmsg("a query reads views of two permits, \"%s\" and \"%s\"",
							   (char *) linitial(permits), (char *) lsecond(permits)),
						errhint("One query runs under one permit.")));
	}
	if (IsParallelWorker())
		ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
						errmsg("a query under a permit cannot be started inside a parallel worker"),
						errhint("Mark the function that contains it PARALLEL RESTRICTED or UNSAFE.")));
	p = ehds_read_permit(linitial(permits));
	if (p == NULL)
		elog(ERROR, "permit \"%s\" vanished", (char *) linitial(permits));
	ehds_require_in_force(p, GetUserId());
	ehds_require_quiet_session();
	gate->permit = p;
	gate->views = mention.views;
	require_current(gate);
	if (p->statistics && ehds_is_insert_into_sealed(query))
		ehds_open_sealed_insert(gate, query);
	if (OidIsValid(gate->seal_store) ? query_tree_walker(query, writes_walker, NULL, QTW_IGNORE_JOINALIASES)
									 : writes_walker((Node *) query, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_REFUSED), errmsg("under a permit only SELECT reads protected data"),
				 errhint(
					 "Store a result with CREATE TABLE ... AS SELECT; leave out FOR UPDATE and FOR SHARE.")));

	gate->top = query;
	gate->approval = ehds_approval_new();
	(void) see_relations_walker((Node *) query, gate);
	ehds_begin_repeatable(gate);
	if (p->statistics)
	{
		ehds_note_relied(gate);
		ehds_bind_coarsening(gate, query);
		ehds_check_statistics(gate, query);
		if (OidIsValid(gate->seal_store))
			ehds_check_sealed_insert(gate, query);
	}
	else
		(void) row_level_walker((Node *) query, gate);
}

static bool
is_part_of_seen(EhdsGate *gate, Oid relid)
{
	ListCell *lc;

	foreach(lc, gate->seen)
	{
		Oid parent = lfirst_oid(lc);

		if (parent == relid)
			return true;
		if (get_rel_relkind(parent) != RELKIND_VIEW && has_subclass(parent) &&
			list_member_oid(find_all_inheritors(parent, NoLock, NULL), relid))
			return true;
	}
	return false;
}

/*
 * The relation that an entry of a finished plan's range table was: a table, or a
 * view before it was expanded. (relationOids would also have every regclass
 * constant of the query.)
 */
static Oid
relation_of_entry(RangeTblEntry *rte)
{
	return rte->rtekind == RTE_RELATION || rte->rtekind == RTE_SUBQUERY ? rte->relid : InvalidOid;
}

/*
 * What the planner brought in after the check (bodies of inlined functions,
 * children of a parent) must have been in the checked tree as well.
 */
void
ehds_check_plan(EhdsGate *gate, PlannedStmt *plan)
{
	ListCell *lc;

	foreach(lc, plan->rtable)
	{
		Oid relid = relation_of_entry(lfirst(lc));

		if (!OidIsValid(relid))
			continue;
		if (get_rel_relkind(relid) == RELKIND_FOREIGN_TABLE)
			ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
							errmsg("a foreign table cannot take part in a query under a permit"),
							errdetail("Values of protected rows could be sent to the other server."),
							errhint("Copy its rows into a table of your own first.")));
		if ((ehds_is_protected(relid) || ehds_permit_view(relid) != NULL) && !is_part_of_seen(gate, relid))
			ereport(ERROR, (errcode(ERRCODE_EHDS_NOT_APPROVED),
							errmsg("protected data was reached in a way that the gate did not check"),
							errdetail("A function in the query or a child of a table reads \"%s\".",
									  get_rel_name(relid)),
							errhint("Read the permit's views directly in the query.")));
	}
}

/*
 * A plan of a query that names no permit view must not read one either: the
 * guard would stop its execution, but EXPLAIN and debug output show plans.
 */
void
ehds_check_unseen_plan(PlannedStmt *plan)
{
	ListCell *lc;

	if (!ehds_any_permit_view())
		return;
	foreach(lc, plan->rtable)
	{
		EhdsPermitView *view = ehds_permit_view(relation_of_entry(lfirst(lc)));

		if (view != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_NOT_APPROVED),
					 errmsg("the views of permit \"%s\" were reached in a way that the gate of pg_ehds did not check",
							view->permit),
					 errdetail("A function in the query was replaced by its body."),
					 errhint("Read the permit's views directly in the query.")));
	}
}

/*
 * A query on the tables of an extract needs no check (they are pseudonymised and
 * row-level security asks for the permit), but it is an access: its plan is
 * marked so that its executions are recorded. False if it reads no extract, or
 * if it is planned for a superuser, as which extracts are made.
 */
bool
ehds_reads_extract(EhdsGate *gate, PlannedStmt *plan)
{
	const char *permit = NULL;
	ListCell *lc;

	if (!ehds_any_extract() || superuser())
		return false;
	foreach(lc, plan->rtable)
	{
		const char *one = ehds_extract_of(relation_of_entry(lfirst(lc)));

		if (one != NULL && permit != NULL && strcmp(one, permit) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_NOT_IN_FORCE), errmsg("a query reads the extracts of two permits"),
					 errhint("One query runs under one permit: pseudonyms of two permits do not link.")));
		if (one != NULL)
			permit = pstrdup(one);
	}
	if (permit == NULL)
		return false;
	gate->permit = ehds_read_permit(permit);
	if (gate->permit == NULL)
		return false;
	gate->approval = ehds_approval_new();
	gate->permit->version = 0;
	return true;
}

static char *
int64_string(int64 n)
{
	return psprintf(INT64_FORMAT, n);
}

/* OIDs as one field: 16384 16390 */
static char *
oids_string(List *oids)
{
	StringInfoData s;
	ListCell *lc;

	initStringInfo(&s);
	foreach(lc, oids)
		appendStringInfo(&s, "%u ", lfirst_oid(lc));
	return s.data;
}

static List *
string_oids(const char *s)
{
	List *oids = NIL;
	char *end;

	for (; *s != '\0'; s = end + 1)
		oids = lappend_oid(oids, (Oid) strtoul(s, &end, 10));
	return oids;
}

void
ehds_mark_plan(EhdsGate *gate, PlannedStmt *plan)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	List *fields = NIL;

	fields = lappend(fields, makeString(pstrdup(gate->permit->permit)));
	fields = lappend(fields, makeString(int64_string(gate->permit->version)));
	fields = lappend(fields, makeString(int64_string((int64) gate->approval)));
	fields = lappend(fields, makeString(int64_string(gate->borders > 0 ? gate->k : 0)));
	fields = lappend(fields, makeString(int64_string(gate->charge.epsilon_nano)));
	fields = lappend(fields, makeString(int64_string(gate->charge.delta_atto)));
	fields = lappend(fields, makeString(gate->precision ? gate->precision : ""));
	fields = lappend(fields, makeString(int64_string(gate->borders == 1 && !gate->margins)));
	fields = lappend(fields, makeString(int64_string(gate->charge.rho_pico)));
	fields = lappend(fields, makeString(int64_string(gate->sealed)));
	fields = lappend(fields, makeString(int64_string(gate->seal_store)));
	fields = lappend(fields, makeString(oids_string(gate->views)));
	fields = lappend(fields, makeString(gate->repeat ? gate->repeat : pstrdup("")));
	fields = lappend(fields, makeString(int64_string(gate->borders)));
	fields = lappend(fields, makeString(oids_string(gate->whole)));
	fields = lappend(fields, makeString(oids_string(gate->beside)));
	Assert(list_length(fields) == EHDS_MARKER_FIELDS);
	fields = list_concat(fields, ehds_write_noises(gate->noises));
	rte->rtekind = RTE_RESULT;
	rte->alias = makeAlias(MARKER_NAME, NIL);
	rte->eref = makeAlias(MARKER_NAME, fields);
	plan->rtable = lappend(plan->rtable, rte);
	/* the provider's debug message would tell when a plan's cost exceeds a setting */
	plan->jitFlags = PGJIT_NONE;
}

static int64
marker_field(List *fields, int n)
{
	return strtoll(strVal(list_nth(fields, n)), NULL, 10);
}

bool
ehds_read_marker(PlannedStmt *plan, EhdsMarker *marker)
{
	RangeTblEntry *rte;
	List *fields;

	if (plan == NULL || plan->rtable == NIL)
		return false;
	rte = llast(plan->rtable);
	if (rte->rtekind != RTE_RESULT || rte->alias == NULL || strcmp(rte->alias->aliasname, MARKER_NAME) != 0 ||
		list_length(rte->eref->colnames) < EHDS_MARKER_FIELDS)
		return false;
	fields = rte->eref->colnames;
	marker->fields = fields;
	marker->repeat = strVal(list_nth(fields, 12));
	marker->borders = (int) marker_field(fields, 13);
	marker->whole = string_oids(strVal(list_nth(fields, 14)));
	marker->beside = string_oids(strVal(list_nth(fields, 15)));
	marker->permit = strVal(linitial(fields));
	marker->version = (int) marker_field(fields, 1);
	marker->approval = (uint64) marker_field(fields, 2);
	marker->k = (int) marker_field(fields, 3);
	marker->charge.epsilon_nano = marker_field(fields, 4);
	marker->charge.delta_atto = marker_field(fields, 5);
	marker->precision = strVal(list_nth(fields, 6));
	marker->figures = marker_field(fields, 7) == 1;
	marker->charge.rho_pico = marker_field(fields, 8);
	marker->seals = marker_field(fields, 9) == 1;
	marker->seal_store = (Oid) marker_field(fields, 10);
	marker->views = OidIsValid(marker->seal_store) ? string_oids(strVal(list_nth(fields, 11))) : NIL;
	return true;
}
