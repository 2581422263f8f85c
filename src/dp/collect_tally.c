/*
 * collect_tally.c
 *		A state of ehds.dp_collect where each row is a subject of its own.
 *
 * On a table with one row a person there is nothing to bound: no subject is kept,
 * only the number of rows of each group, and the sums of what the measures of each
 * row give. A measure of one row is that of a subject who has no other row, so the
 * figures are those that a state with subjects would give.
 */
#include "dp/collect.h"

#include "utils/memutils.h"

/* Counts and sums of new groups begin at zero. */
static pg_noinline void
grow(Collect *c)
{
	uint32 n = c->dict.capacity;
	Size sums_size = c->kind.n_statistics * sizeof(int128);

	if (c->counts == NULL)
	{
		c->counts = MemoryContextAllocHuge(c->data, n * sizeof(int64));
		c->sums = MemoryContextAllocHuge(c->data, Max(n * sums_size, 1));
	}
	else
	{
		c->counts = repalloc_huge(c->counts, n * sizeof(int64));
		c->sums = repalloc_huge(c->sums, Max(n * sums_size, 1));
	}
	memset(c->counts + c->n_tallied, 0, (n - c->n_tallied) * sizeof(int64));
	memset((char *) c->sums + c->n_tallied * sums_size, 0, (n - c->n_tallied) * sums_size);
	c->n_tallied = n;
}

void
ehds_tally_add(Collect *c, uint32 group, const int64 *words)
{
	int128 *sums;
	int64 statistics[EHDS_MEASURE_STATISTICS_MAX];

	if (unlikely(group >= c->n_tallied))
		grow(c);
	c->counts[group]++;
	sums = ehds_tally_sums(c, group);
	for (int i = 0; i < c->kind.n_measures; i++)
	{
		const Measure *m = &c->kind.measures[i];
		int n = ehds_measure_n_statistics(m);

		ehds_measure_statistics(m, words, statistics);
		for (int j = 0; j < n; j++)
			*sums++ += statistics[j];
		words += ehds_measure_words(m);
	}
}

void
ehds_tally_unite(Collect *c, uint32 group, int64 count, const int128 *sums)
{
	if (unlikely(group >= c->n_tallied))
		grow(c);
	c->counts[group] += count;
	for (int i = 0; i < c->kind.n_statistics; i++)
		ehds_tally_sums(c, group)[i] += sums[i];
}
