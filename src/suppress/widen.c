/*
 * widen.c
 *		Secondary suppression against narrow intervals.
 */
#include "core/compat.h"

#include "suppress/suppress.h"

void
ehds_suppress_widen(EhdsTable *table, int64 width)
{
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("hidden cells can't be given a width yet"),
					errhint("Set ehds.suppression_width to 0.")));
}
