/*
 * own_function.h
 *		The SQL functions of the extension that C code calls.
 */
#ifndef EHDS_OWN_FUNCTION_H
#define EHDS_OWN_FUNCTION_H

#include "core/compat.h"

/*
 * A function of schema ehds by its name and argument types; InvalidOid if it is missing,
 * or is somebody else's in a schema of that name. Called by OID it asks for no right.
 */
extern Oid ehds_own_function(const char *name, int nargs, const Oid *types);

#endif /* EHDS_OWN_FUNCTION_H */
