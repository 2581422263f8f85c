/*
 * quantile_tree.c
 *		Many private quantiles at once, by a tree of noisy weights.
 *
 * Why this is private.  In each level of the tree the nodes part the values, and the
 * weights of a subject's values are together at most 1: so he changes the weights of
 * all nodes of a level by at most 1, in sum and hence as a vector.  Each level has its
 * part of the share, and all that follows reads noisy weights only.  Nodes nobody is
 * in have noise like all others.
 *
 * The noises of nodes are independent, and the values of a node's are looked at in one
 * call only, with all fractions that lead there: so it is the same to draw them when
 * the walk comes by as to draw all beforehand, each is drawn once at most, and all
 * fractions see the same tree. Which of them are drawn depends on noisy weights only.
 *
 * The noisy weights of the children do not add up to what is known of their parent,
 * and that is more precise than their sum: what they lack is given to them in equal
 * parts, which is the least-squares estimate from the top down (Hay, Rastogi, Miklau,
 * Suciu 2010).  What children would tell of their parent is left out: it is
 * 1 / (1 + fan_out) of what is known of it.
 *
 * The estimate of the weight below a child need not grow with the child, since nothing
 * is clamped. A rank is looked for by bisection all the same: it compares with an edge
 * that does not depend on noise unless an earlier comparison went wrong, on which the
 * precision rests (quantile_precision.c), and of two ranks the larger never goes to
 * the left of the smaller.
 */
#include "dp/quantile_tree.h"

#include "miscadmin.h"

#include "dp/measure.h"

/* Estimates are in 1e-9 of a unit of weight, in which fractions of weights are whole. */
#define FINE ((int128) EHDS_QUANTILE_ONE)

typedef struct Tree
{
	EhdsBits *bits;
	const EhdsSumNoise *noise;
	const WeightedValue *values; /* ascending */
	const int64 *smaller;        /* weight of those before a value; one more than values */
	uint32 n;
	uint32 width;
	uint32 fan_out;
	const int64 *fractions; /* ascending */
	int128 *ranks;          /* of fractions */
	uint32 *quantiles;
} Tree;

EhdsTreeShape
ehds_tree_shape(uint32 width)
{
	EhdsTreeShape shape = {1, 2};

	for (uint64 leaves = EHDS_TREE_FAN_OUT; leaves < width; leaves *= EHDS_TREE_FAN_OUT)
		shape.levels++;
	for (;; shape.fan_out++)
	{
		uint64 leaves = 1;

		for (int i = 0; i < shape.levels; i++)
			leaves *= shape.fan_out;
		if (leaves >= width)
			return shape;
	}
}

EhdsSumNoise
ehds_tree_noise(const EhdsDpShare *share, int max_groups, uint32 width)
{
	return ehds_dp_sum_noise(share, ehds_tree_shape(width).levels, max_groups,
							 INT64CONST(1) << EHDS_MEASURE_WEIGHT_BITS);
}

bool
ehds_tree_noise_fits(const EhdsDpShare *share, int max_groups, uint32 width)
{
	return ehds_dp_sum_noise_fits(share, ehds_tree_shape(width).levels, max_groups,
								  INT64CONST(1) << EHDS_MEASURE_WEIGHT_BITS);
}

/* The weight of values below this one. */
static int64
weight_below(const Tree *t, uint64 value)
{
	uint32 low = 0;
	uint32 high = t->n;

	while (low < high)
	{
		uint32 middle = low + (high - low) / 2;

		if (t->values[middle].value < value)
			low = middle + 1;
		else
			high = middle;
	}
	return t->smaller[low];
}

/*
 * The noisy weights of the children of a node, each of so many values, from first on: their
 * sums up to each child. Children without a value of the range are left out.
 */
static int
draw_children(const Tree *t, uint64 first, uint64 size, int128 *sums)
{
	int64 before = weight_below(t, first);
	int n = 0;

	sums[0] = 0;
	for (; n < t->fan_out && first < t->width; n++, first += size)
	{
		int64 upto = weight_below(t, first + size);
		int64 noisy = ehds_add_saturating(upto - before, ehds_dp_draw_sum_noise_from(t->bits, t->noise));

		CHECK_FOR_INTERRUPTS();
		sums[n + 1] = sums[n] + noisy;
		before = upto;
	}
	return n;
}

/* The child in which a rank lies, by what is estimated of the weight below each child. */
static int
child_of(int128 rank, const int128 *below, int n)
{
	int low = 0;
	int high = n - 1;

	while (low < high)
	{
		int middle = low + (high - low + 1) / 2;

		if (below[middle] <= rank)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

static void
set_ranks(Tree *t, int128 total, int n)
{
	for (int i = 0; i < n; i++)
		t->ranks[i] = Max(total, 0) * t->fractions[i];
}

/*
 * Fractions from..to - 1 have come to a node of so many values from first on;
 * left and right: what is estimated of the weight before and up to its end. Of the root
 * nothing is: its weight is the sum of its children's.
 */
static void
descend(Tree *t, uint64 first, uint64 size, bool is_root, int128 left, int128 right, int from, int to)
{
	int128 below[EHDS_TREE_FAN_OUT + 1];
	uint64 part = size / t->fan_out;
	int128 lack;
	int n;

	if (size == 1)
	{
		for (int i = from; i < to; i++)
			t->quantiles[i] = (uint32) first;
		return;
	}
	n = draw_children(t, first, part, below);
	if (is_root)
	{
		set_ranks(t, below[n], to);
		right = below[n] * FINE;
	}
	lack = right - left - below[n] * FINE;
	for (int i = 0; i <= n; i++)
		below[i] = left + below[i] * FINE + lack * i / n;
	while (from < to)
	{
		int child = child_of(t->ranks[from], below, n);
		int next = from + 1;

		while (next < to && child_of(t->ranks[next], below, n) == child)
			next++;
		descend(t, first + child * part, part, false, below[child], below[child + 1], from, next);
		from = next;
	}
}

void
ehds_quantile_tree_from(EhdsBits *bits, WeightedValue *values, uint32 n, uint32 width, const int64 *fractions,
						int n_fractions, const EhdsSumNoise *noise, uint32 *quantiles)
{
	EhdsTreeShape shape = ehds_tree_shape(width);
	int64 *smaller = palloc_extended((n + (Size) 1) * sizeof(int64), MCXT_ALLOC_HUGE);
	uint64 leaves = 1;
	Tree t = {0};

	ehds_sort_values(values, n, width);
	smaller[0] = 0;
	for (uint32 i = 0; i < n; i++)
		smaller[i + 1] = ehds_add_saturating(smaller[i], values[i].weight);
	for (int i = 0; i < shape.levels; i++)
		leaves *= shape.fan_out;
	t.bits = bits;
	t.noise = noise;
	t.values = values;
	t.smaller = smaller;
	t.n = n;
	t.width = width;
	t.fan_out = shape.fan_out;
	t.fractions = fractions;
	t.ranks = palloc(n_fractions * sizeof(int128));
	t.quantiles = quantiles;
	descend(&t, 0, leaves, true, 0, 0, 0, n_fractions);
	pfree(t.ranks);
	pfree(smaller);
}
