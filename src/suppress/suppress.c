/*
 * suppress.c
 *		Secondary suppression: eliminate, then widen where elimination is not enough.
 *
 * What is guaranteed is against somebody who knows all shown cells, the sums that
 * hold between cells, which cells exist, and that no cell is negative.  Not against
 * a person who knows a hidden cell, such as the only one who is in it: he may
 * subtract himself.  And not across tables: another table with other cells of the
 * same persons is another set of sums.
 */
#include "core/compat.h"

#include "suppress/suppress.h"

void
ehds_suppress(EhdsTable *table, int64 width)
{
	bool any = false;

	if (width < 0 || width > EHDS_SUPPRESS_WIDTH_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("width must be from 0 to %d", EHDS_SUPPRESS_WIDTH_MAX)));
	for (int i = 0; i < table->ncells; i++)
		any |= table->cells[i].primary;
	if (!any)
		return;
	if (width == 0)
	{
		ehds_suppress_eliminate(table);

		/*
		 * A hidden cell that is not determined by the sums and is not 0 can be made a
		 * little smaller and a little larger, if the hidden cells that change with it
		 * are not 0 either.  An empty cell can only grow: then intervals count.
		 */
		for (int i = 0; i < table->ncells; i++)
		{
			if (table->cells[i].hidden && table->cells[i].size == 0)
				width = 1;
		}
		if (width == 0)
			return;
	}

	/* Fewer cells come out if they are chosen for their width from the start. */
	for (int i = 0; i < table->ncells; i++)
		table->cells[i].hidden = table->cells[i].primary;
	ehds_suppress_widen(table, width);
}
