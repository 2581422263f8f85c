/*
 * cell_key.c
 *		Counts under a permit with cell keys.
 *
 * Only persons are counted: a number of rows, a sum or a subset beside a noisy
 * number of persons would need noise of its own that fits to it.  Only with the
 * permit's k: a count that appears from a chosen k on would be compared with the
 * exact number.
 */
#include "core/compat.h"

#include "catalog/pg_namespace.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"

#include "core/errors.h"
#include "gate/border.h"

static void
refuse(Border *b, Aggref *agg)
{
	EHDS_REFUSE(b->gate->query_string, agg,
				errmsg("the aggregate %s is not answered under permit \"%s\"", get_func_name(agg->aggfnoid),
					   b->gate->permit->permit),
				errdetail(
					"Counts of persons have permanent noise under this permit; other figures would undo it."),
				errhint("Use count(DISTINCT person_id) or ehds.k_count(person_id)."));
}

/* The function of ours over the persons of a cell, counted by this subject. */
static Node *
over_subjects(Border *b, const char *function, Node *subject)
{
	EhdsPermit *p = b->gate->permit;
	Oid type = ehds_subject_argument_type(exprType(subject));
	FuncExpr *made;

	made = (FuncExpr *) ehds_parse_expression(
		psprintf("SELECT ehds.%s(ehds.k_subjects(NULL::%s, %d), %d, %d, %d, %d, %s, NULL::ehds.approval)",
				 function, ehds_type_name(type), b->gate->k, b->gate->k, p->cell_key_max,
				 p->cell_key_variance_milli, p->cell_key_no_small, quote_literal_cstr(p->population)));
	ehds_set_argument(linitial_node(Aggref, made->args), 0, ehds_as_type(subject, type));
	llast(made->args) = ehds_approval_const(b->gate->approval);
	return (Node *) made;
}

/* What stands for an aggregate that the analyst wrote, of the same type. */
Released *
ehds_cell_key_aggregate(Border *b, Aggref *agg)
{
	Released *released = palloc0(sizeof(Released));
	const char *name = get_func_name(agg->aggfnoid);
	Oid schema = get_func_namespace(agg->aggfnoid);
	bool met = schema == ehds_namespace() && strcmp(name, "k_met") == 0;
	bool ours = met || (schema == ehds_namespace() && strcmp(name, "k_count") == 0);
	bool native = schema == PG_CATALOG_NAMESPACE && strcmp(name, "count") == 0 && !agg->aggstar &&
				  agg->aggdistinct != NIL;
	Node *made;

	if (!(ours || native) || agg->aggorder != NIL || (ours && agg->aggdistinct != NIL))
		refuse(b, agg);
	if (agg->aggfilter != NULL)
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("FILTER is not supported under a permit with cell keys"),
					errhint("Put the condition into WHERE, or group by it."));
	if (list_length(agg->args) > 1)
		EHDS_REFUSE(b->gate->query_string, agg, errmsg("k is the permit's under a permit with cell keys"),
					errdetail("A count that appears from a chosen k on would tell the exact number."),
					errhint("Leave k out."));
	made = over_subjects(b, met ? "cell_key_met" : "cell_key_count", ehds_required_subject(b, agg));
	if (exprType(made) != exprType((Node *) agg))
		elog(ERROR, "protected aggregate has type %u instead of %u", exprType(made), exprType((Node *) agg));
	released->value = made;
	released->figure = true;
	return released;
}

/* The condition under which a cell leaves the release. */
Node *
ehds_cell_key_having(Border *b)
{
	return over_subjects(b, "cell_key_show", (Node *) copyObject(linitial(b->subjects)));
}
