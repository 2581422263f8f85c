/*
 * tree.c
 *		Least squares where the sets are a chain, so that cells are a tree of parts.
 *
 * Upwards, each cell unites its own noised value with the sum of its parts, by
 * inverse variances; downwards, what a whole differs from the sum of its parts by is
 * distributed among them as their variances are.  That is the exact solution (for
 * equal variances and numbers of parts: Hay, Rastogi, Miklau, Suciu 2010).
 *
 * Everything is computed as a difference to the sums of the finest cells' noised
 * values, which are exact integers and additive: what floating point sees is noise.
 * In the order of the tree the parts of a cell are neighbours, so that finest cells
 * which are differences of rounded running sums keep every total within 1.
 */
#include "additive/additive.h"

#include <math.h>

#include "common/int.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"

typedef struct TreeNode
{
	EhdsAdditiveCell *cell;
	int parent; /* -1: none */
	int level;
	int64 base;      /* sum of the finest cells' values in it */
	double own;      /* value less base */
	double estimate; /* upwards, then the final one; less base */
	double variance; /* of the upward estimate */
	double parts;    /* sum of the upward estimates of its parts */
	double parts_variance;
	int nparts;
} TreeNode;

/* The sets from the coarsest on, and the keys in the order in which they come in. */
typedef struct Chain
{
	uint32 sets[EHDS_ADDITIVE_KEYS_MAX + 1];
	int nsets;
	int order[EHDS_ADDITIVE_KEYS_MAX];
	int nkeys;
} Chain;

static bool
find_chain(const EhdsAdditiveCell *cells, int ncells, int nkeys, Chain *chain)
{
	uint32 last = 0;

	chain->nsets = 0;
	chain->nkeys = 0;
	for (int i = 0; i < ncells; i++)
	{
		int n = 0;

		while (n < chain->nsets && chain->sets[n] != cells[i].keys)
			n++;
		if (n < chain->nsets)
			continue;
		/* a chain has no more sets than that */
		if (chain->nsets > nkeys)
			return false;
		for (n = chain->nsets++; n > 0 && pg_popcount32(chain->sets[n - 1]) > pg_popcount32(cells[i].keys);
			 n--)
			chain->sets[n] = chain->sets[n - 1];
		chain->sets[n] = cells[i].keys;
	}
	for (int n = 0; n < chain->nsets; n++)
	{
		if ((last & ~chain->sets[n]) != 0)
			return false;
		for (int j = 0; j < nkeys; j++)
			if ((chain->sets[n] & ~last) & ((uint32) 1 << j))
				chain->order[chain->nkeys++] = j;
		last = chain->sets[n];
	}
	return true;
}

/* A whole comes before its parts. */
static int
compare(const void *a, const void *b, void *arg)
{
	const EhdsAdditiveCell *x = ((const TreeNode *) a)->cell;
	const EhdsAdditiveCell *y = ((const TreeNode *) b)->cell;
	const Chain *chain = arg;

	for (int i = 0; i < chain->nkeys; i++)
	{
		int j = chain->order[i];
		bool in_x = (x->keys >> j) & 1;
		bool in_y = (y->keys >> j) & 1;

		if (!in_x || !in_y)
			return (int) in_x - (int) in_y;
		if (x->ids[j] != y->ids[j])
			return x->ids[j] < y->ids[j] ? -1 : 1;
	}
	return 0;
}

/* Is the cell in the whole, which has fewer keys? */
static bool
lies_in(const EhdsAdditiveCell *cell, const EhdsAdditiveCell *whole, int nkeys)
{
	for (int j = 0; j < nkeys; j++)
		if (((whole->keys >> j) & 1) && whole->ids[j] != cell->ids[j])
			return false;
	return true;
}

/* Parents, from the order; false if the cells are no whole tree. */
static bool
link_nodes(TreeNode *nodes, int n, const Chain *chain, int nkeys)
{
	int path[EHDS_ADDITIVE_KEYS_MAX + 1];
	int depth = 0;

	for (int i = 0; i < n; i++)
	{
		TreeNode *node = &nodes[i];

		while (chain->sets[node->level] != node->cell->keys)
			node->level++;
		if (node->level > depth)
			return false;
		depth = node->level;
		node->parent = depth > 0 ? path[depth - 1] : -1;
		if (depth > 0 && !lies_in(node->cell, nodes[path[depth - 1]].cell, nkeys))
			return false;
		if (i > 0 && compare(node - 1, node, (void *) chain) == 0)
			return false;
		path[depth++] = i;
		if (node->parent >= 0)
			nodes[node->parent].nparts++;
	}
	for (int i = 0; i < n; i++)
		if (nodes[i].nparts == 0 && nodes[i].level < chain->nsets - 1)
			return false;
	return true;
}

/* Sums of finest values; false on overflow. */
static bool
add_bases(TreeNode *nodes, int n)
{
	for (int i = n - 1; i >= 0; i--)
	{
		TreeNode *node = &nodes[i];
		int64 difference;

		if (node->nparts == 0)
			node->base = node->cell->value;
		if (pg_sub_s64_overflow(node->cell->value, node->base, &difference))
			return false;
		node->own = (double) difference;
		if (node->parent >= 0 &&
			pg_add_s64_overflow(nodes[node->parent].base, node->base, &nodes[node->parent].base))
			return false;
	}
	return true;
}

static void
estimate(TreeNode *nodes, int n)
{
	for (int i = n - 1; i >= 0; i--)
	{
		TreeNode *node = &nodes[i];
		double v = node->cell->variance;

		CHECK_FOR_INTERRUPTS();
		node->estimate = node->own;
		node->variance = v;
		if (node->nparts > 0)
		{
			node->estimate = (node->own * node->parts_variance + node->parts * v) / (v + node->parts_variance);
			node->variance = v / (v + node->parts_variance) * node->parts_variance;
		}
		if (node->parent >= 0)
		{
			nodes[node->parent].parts += node->estimate;
			nodes[node->parent].parts_variance += node->variance;
		}
	}
	for (int i = 0; i < n; i++)
	{
		TreeNode *node = &nodes[i];
		TreeNode *parent;

		if (node->parent < 0)
			continue;
		parent = &nodes[node->parent];
		node->estimate += node->variance / parent->parts_variance * (parent->estimate - parent->parts);
	}
}

/* Whole numbers that add up; false if one would not fit. */
static bool
round_off(TreeNode *nodes, int n)
{
	double running = 0;
	double before = 0;

	for (int i = 0; i < n; i++)
	{
		double after;

		nodes[i].cell->result = 0;
		if (nodes[i].nparts > 0)
			continue;
		running += nodes[i].estimate;
		after = rint(running);
		if (!(fabs(after) < 4e18))
			return false;
		if (pg_add_s64_overflow(nodes[i].cell->value, (int64) after - (int64) before, &nodes[i].cell->result))
			return false;
		before = after;
	}
	for (int i = n - 1; i >= 0; i--)
	{
		if (nodes[i].parent >= 0 &&
			pg_add_s64_overflow(nodes[nodes[i].parent].cell->result, nodes[i].cell->result,
								&nodes[nodes[i].parent].cell->result))
			return false;
	}
	return true;
}

bool
ehds_additive_tree(EhdsAdditiveCell *cells, int ncells, int nkeys)
{
	TreeNode *nodes;
	Chain chain;
	bool done;

	if (ncells <= 0 || !find_chain(cells, ncells, nkeys, &chain))
		return false;
	nodes = palloc_extended(sizeof(TreeNode) * ncells, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < ncells; i++)
		nodes[i].cell = &cells[i];
	qsort_arg(nodes, ncells, sizeof(TreeNode), compare, &chain);
	done = link_nodes(nodes, ncells, &chain, nkeys) && add_bases(nodes, ncells);
	if (done)
	{
		estimate(nodes, ncells);
		done = round_off(nodes, ncells);
	}
	pfree(nodes);
	return done;
}
