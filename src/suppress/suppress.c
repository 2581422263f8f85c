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

/* Up to this size the pattern of elimination is tried as a start for widening too. */
#define SMALL 1000

static void
judge(const EhdsTable *table, int *count, int64 *size)
{
	*count = 0;
	*size = 0;
	for (int i = 0; i < table->ncells; i++)
	{
		if (table->cells[i].hidden)
		{
			(*count)++;
			*size += table->cells[i].size;
		}
	}
}

void
ehds_suppress(EhdsTable *table, int64 width)
{
	bool any = false;
	bool *other;
	int count;
	int other_count;
	int64 size;
	int64 other_size;

	if (width < 0 || width > EHDS_SUPPRESS_WIDTH_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("width must be from 0 to %d", EHDS_SUPPRESS_WIDTH_MAX)));
	for (int i = 0; i < table->ncells; i++)
	{
		table->cells[i].hidden = table->cells[i].primary;
		any |= table->cells[i].primary;
	}
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
		if (width > 0)
			ehds_suppress_widen(table, width);
		return;
	}

	/*
	 * Few cells come out if they are chosen for their width from the start; but in
	 * small tables elimination searches for longer.
	 */
	ehds_suppress_widen(table, width);
	if (table->ncells > SMALL)
		return;
	judge(table, &count, &size);
	other = palloc(sizeof(bool) * table->ncells);
	for (int i = 0; i < table->ncells; i++)
		other[i] = table->cells[i].hidden;
	ehds_suppress_eliminate(table);
	ehds_suppress_widen(table, width);
	judge(table, &other_count, &other_size);
	if (other_count < count || (other_count == count && other_size < size))
		return;
	for (int i = 0; i < table->ncells; i++)
		table->cells[i].hidden = other[i];
}
