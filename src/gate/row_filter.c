/*
 * row_filter.c
 *		Validates the row filter of a permit.
 *
 * A filter is SQL text by governance that ends up inside a permit's view, beside
 * the conditions that keep opposed persons out. It is parsed alone, checked like
 * an analyst's WHERE, and given back as PostgreSQL prints the parsed tree, so
 * that no text can close a parenthesis and undo what stands before it.
 */
#include "core/compat.h"

#include "parser/analyze.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/ruleutils.h"

#include "gate/gate.h"

PG_FUNCTION_INFO_V1(ehds_check_row_filter);

static EhdsColumn
classify_column(Var *var, void *context)
{
	return var->varno == 1 && var->varattno == *(AttrNumber *) context ? EHDS_COLUMN_SUBJECT
																	   : EHDS_COLUMN_OF_PERMIT;
}

Datum
ehds_check_row_filter(PG_FUNCTION_ARGS)
{
	Oid relid;
	AttrNumber subject = InvalidAttrNumber;
	char *filter;
	char *sql;
	List *raw;
	Query *q;
	char *name;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	relid = PG_GETARG_OID(0);
	if (!PG_ARGISNULL(1))
		subject = get_attnum(relid, NameStr(*PG_GETARG_NAME(1)));
	filter = text_to_cstring(PG_GETARG_TEXT_PP(2));
	name = get_rel_name(relid);
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relid)));

	sql = psprintf("SELECT 1 FROM ONLY %s AS t WHERE (%s\n)",
				   quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), name), filter);
	raw = pg_parse_query(sql);
	if (list_length(raw) != 1 || !IsA(linitial_node(RawStmt, raw)->stmt, SelectStmt))
		ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
						errmsg("a row filter is one boolean expression over the columns of the table")));
	q = parse_analyze_fixedparams(linitial_node(RawStmt, raw), sql, NULL, 0, NULL);
	if (q->commandType != CMD_SELECT || q->setOperations || q->cteList || q->hasAggs || q->hasWindowFuncs ||
		q->groupClause || q->havingQual || q->sortClause || q->limitCount || q->limitOffset || q->rowMarks ||
		q->hasSubLinks || list_length(q->rtable) != 1 || list_length(q->targetList) != 1 ||
		q->jointree->quals == NULL)
		ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
						errmsg("a row filter is one boolean expression over the columns of the table")));
	q->jointree->quals = ehds_substitute_printed(q->jointree->quals, classify_column, &subject);
	ehds_require_harmless(q->jointree->quals, NULL, classify_column, &subject);
	PG_RETURN_TEXT_P(
		cstring_to_text(deparse_expression(q->jointree->quals, deparse_context_for("t", relid), true, false)));
}
