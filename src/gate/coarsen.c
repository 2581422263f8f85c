/*
 * coarsen.c
 *		ehds.coarsen in a query under a statistics permit.
 *
 * Everything that can go wrong with it goes wrong here, before a row is read: the
 * calls that see columns get the approval as a third argument, by which they
 * belong to this permit, whatever other cursors are open or settings change.
 */
#include "core/compat.h"

#include "access/transam.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "catalog/coarsening.h"
#include "gate/gate.h"

static bool
is_coarsen(Oid funcid)
{
	char *name;

	/* nobody else makes functions in our schema */
	if (funcid < FirstUnpinnedObjectId || get_func_namespace(funcid) != ehds_namespace())
		return false;
	name = get_func_name(funcid);
	return name != NULL && strcmp(name, "coarsen") == 0;
}

static bool
has_column(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return true;
	return expression_tree_walker(node, has_column, context);
}

static void
bind_call(EhdsGate *gate, FuncExpr *f)
{
	Node *system = eval_const_expressions(NULL, copyObject(lsecond(f->args)));
	Oid types[3];
	Oid *declared;
	int n;
	char *name;

	/* the planner may try what has constant arguments, when no approval is live */
	if (!has_column(linitial(f->args), NULL) || !IsA(system, Const) || ((Const *) system)->constisnull)
		return;
	name = TextDatumGetCString(((Const *) system)->constvalue);
	if (!ehds_has_coarsening(gate->permit->permit_id, name))
		ehds_no_coarsening(gate->permit->permit, name);
	(void) get_func_signature(f->funcid, &declared, &n);
	types[0] = declared[0];
	types[1] = declared[1];
	types[2] = ehds_approval_type();
	f->funcid = LookupFuncName(list_make2(makeString("ehds"), makeString("coarsen")), 3, types, false);
	f->args = list_make3(linitial(f->args), system, ehds_approval_const(gate->approval));
}

static bool
bind_walker(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, bind_walker, arg, 0);
	if (IsA(node, FuncExpr) && list_length(((FuncExpr *) node)->args) == 2 &&
		is_coarsen(((FuncExpr *) node)->funcid))
		bind_call((EhdsGate *) arg, (FuncExpr *) node);
	return expression_tree_walker(node, bind_walker, arg);
}

/* Bind the calls of ehds.coarsen in a query to its permit; raises if the permit has no such map. */
void
ehds_bind_coarsening(EhdsGate *gate, Query *query)
{
	(void) bind_walker((Node *) query, gate);
}

/* Is it a call that the gate has bound? */
bool
ehds_is_bound_coarsening(Oid funcid, List *args)
{
	Node *approval;

	if (list_length(args) != 3 || !is_coarsen(funcid))
		return false;
	approval = lthird(args);
	return IsA(approval, Const) && !((Const *) approval)->constisnull;
}
