/*
 * additive.h
 *		Noised numbers of a table with totals, made to add up.
 *
 * The noised cells of several grouping sets of the same rows are several opinions
 * on the same sums.  Weighted least squares finds the additive table that is
 * nearest to all of them, each set weighing as the inverse of its variance: of all
 * unbiased linear estimates the one with the least variance, in every cell (Gauss,
 * Markov).  It is then rounded so that it stays additive.  It reads noised numbers
 * only.
 *
 *	tree.c			sets of which each has the keys of the one before (ROLLUP)
 *	complete.c		any sets, if every combination of values of their keys is there
 *	grid.c			any sets with the one of all keys, some of which determine others
 *	additive_sql.c	the window function
 */
#ifndef EHDS_ADDITIVE_H
#define EHDS_ADDITIVE_H

#include "core/compat.h"

/* bits of GROUPING() */
#define EHDS_ADDITIVE_KEYS_MAX 31
/* of tables that are no tree */
#define EHDS_COMPLETE_KEYS_MAX 12
#define EHDS_COMPLETE_CELLS_MAX (INT64CONST(1) << 24)
#define EHDS_GRID_SETS_MAX 64

typedef struct EhdsAdditiveCell
{
	int64 value;
	double variance; /* of its noise, in any unit; equal in all cells of a set */
	uint32 keys;     /* bit j: the set has key j */
	int *ids;        /* of the value of key j, from 0 on */
	int64 result;
} EhdsAdditiveCell;

/*
 * Fill in the results. False, and nothing is done, if the cells have not the shape,
 * or sums of them would not fit. Allocate in the current context.
 *
 * Tree: the sets are a chain, and every cell but those of the finest set has parts. A
 * result differs from the estimate by at most 1.
 *
 * Complete: each set has a cell for each combination of the values that its keys have
 * anywhere. A result differs from the estimate by at most 2^(keys - 1), half of 1 if
 * the set has no key.
 *
 * Grid: one set has all keys; every cell has parts in it; and its cells are complete,
 * if keys that are functions of another one are left out (such functions of one key are
 * functions of each other). Results differ as in complete tables.
 */
extern bool ehds_additive_tree(EhdsAdditiveCell *cells, int ncells, int nkeys);
extern bool ehds_additive_complete(EhdsAdditiveCell *cells, int ncells, int nkeys);
extern bool ehds_additive_grid(EhdsAdditiveCell *cells, int ncells, int nkeys);

#endif /* EHDS_ADDITIVE_H */
