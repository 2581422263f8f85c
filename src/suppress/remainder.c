/*
 * remainder.c
 *		What a total less its shown parts leaves.
 *
 * Two hidden cells that nobody can compute show their sum all the same.  If one
 * person is in each of them, or if one person's value is all that is in both, that
 * sum is a figure of few.  So the hidden parts of a total that is known must hold k
 * persons together (of a sum: who contribute something), or another part is hidden
 * with them, the smallest one.
 *
 * A hidden total leaves what its own hidden parts leave.  A margin that nobody asked
 * for is known if all of its parts are; a cell that is only there to tell which cells
 * make which totals is known if it makes up a known one alone.
 */
#include "core/compat.h"

#include "miscadmin.h"

#include "suppress/suppress.h"

/* Which cells does the reader know?  of[i]: the shown cell by which he knows an unseen one. */
static void
find_known(const EhdsTable *table, bool *known, int *of)
{
	bool more = true;

	for (int i = 0; i < table->ncells; i++)
	{
		known[i] = !table->cells[i].hidden && !table->cells[i].unknown;
		of[i] = i;
	}
	while (more)
	{
		more = false;
		for (int s = 0; s < table->nsums; s++)
		{
			const EhdsSum *sum = &table->sums[s];
			bool all = true;

			CHECK_FOR_INTERRUPTS();
			if (sum->nparts == 1 && known[sum->total] && !known[sum->parts[0]] &&
				table->cells[sum->parts[0]].unknown)
			{
				known[sum->parts[0]] = more = true;
				of[sum->parts[0]] = of[sum->total];
			}
			if (known[sum->total] || !table->cells[sum->total].unknown)
				continue;
			for (int i = 0; i < sum->nparts && all; i++)
				all = known[sum->parts[i]];
			if (all)
				known[sum->total] = more = true;
		}
	}
}

/* Makes more cells primary until no known total leaves 1 to k - 1 persons; false: it did not have to. */
bool
ehds_suppress_remainders(EhdsTable *table, int64 k)
{
	bool *known = palloc(sizeof(bool) * Max(table->ncells, 1));
	int *of = palloc(sizeof(int) * Max(table->ncells, 1));
	int64 *left = palloc(sizeof(int64) * Max(table->ncells, 1));
	bool changed = false;

	find_known(table, known, of);
	for (int i = 0; i < table->ncells; i++)
		left[i] = table->cells[i].contributors;

	/* totals of finer sets come first */
	for (int s = 0; s < table->nsums; s++)
	{
		const EhdsSum *sum = &table->sums[s];
		int64 rest = 0;
		bool any = false;
		int smallest = sum->total;

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < sum->nparts; i++)
		{
			int part = sum->parts[i];
			int shown = of[part];

			if (!known[part])
			{
				any = true;
				rest += left[part];
			}
			else if (!table->cells[shown].unknown && table->cells[shown].contributors >= k &&
					 (smallest == sum->total ||
					  table->cells[shown].contributors < table->cells[smallest].contributors))
				smallest = shown;
		}
		if (!known[sum->total])
			left[sum->total] = Min(left[sum->total], rest);
		else if (any && rest > 0 && rest < k)
		{
			/* by which the total is known, if it is nobody's cell */
			if (table->cells[smallest].unknown)
				smallest = of[smallest];
			if (!table->cells[smallest].unknown && !table->cells[smallest].primary)
			{
				table->cells[smallest].primary = true;
				changed = true;
			}
		}
	}
	pfree(known);
	pfree(of);
	pfree(left);
	return changed;
}
