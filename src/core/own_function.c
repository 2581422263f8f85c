/*
 * own_function.c
 *		The SQL functions of the extension that C code calls.
 */
#include "core/compat.h"

#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "nodes/value.h"
#include "parser/parse_func.h"

#include "core/own_function.h"

Oid
ehds_own_function(const char *name, int nargs, const Oid *types)
{
	Oid function = LookupFuncName(list_make2(makeString("ehds"), makeString(pstrdup(name))), nargs, types,
								  true);

	if (!OidIsValid(function) ||
		getExtensionOfObject(ProcedureRelationId, function) != get_extension_oid("pg_ehds", true))
		return InvalidOid;
	return function;
}
