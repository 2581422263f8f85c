/*
 * widen.h
 *		What widen.c, proof.c and ways.c share.
 */
#ifndef EHDS_WIDEN_H
#define EHDS_WIDEN_H

#include "suppress/simplex.h"

/* Ranges are in units of this part of 1. */
#define EHDS_UNIT INT64CONST(2520)

typedef struct EhdsWiden
{
	EhdsTable *table;
	EhdsSimplex *simplex;
	EhdsTableau *ways; /* another solved form, with thick cells as the dependent ones */
	int64 width;       /* in units */
	int64 *below;      /* proven: how far each hidden cell goes down and up */
	int64 *above;
	/* a move in whole numbers, and the cells in which it may not be 0 */
	int64 *step;
	int *moved;
	int nmoved;
	bool *is_moved;
	/* the sums in which each cell occurs: sums[first[cell] .. first[cell + 1] - 1] */
	int64 *first;
	int *sums;
	int64 *checked; /* number of the move for which a sum has been found to hold */
	int64 check;
} EhdsWiden;

/* Is the cell known to have the width? */
static inline bool
ehds_widen_done(const EhdsWiden *w, int cell)
{
	return w->below[cell] + w->above[cell] >= w->width;
}

/* Make what a proof needs (proof.c). */
extern void ehds_widen_start(EhdsWiden *w, EhdsTable *table, int64 width);

/*
 * Check the move that is in the simplex, in the solved form t, and take what it
 * proves.  Shown cells that it moves are hidden if pay is set, and make it void
 * otherwise.  False: it proves nothing, nothing was changed.
 */
extern bool ehds_widen_take(EhdsWiden *w, EhdsTableau *t, bool pay);

/* Prepare the search for ways (ways.c). */
extern void ehds_widen_cheap(EhdsWiden *w);

/*
 * Take the cheapest known way to move a cell far enough, and hide what lies on it;
 * without pay only one on which all is hidden.  False if there is none.
 */
extern bool ehds_widen_way(EhdsWiden *w, int cell, bool pay);

#endif /* EHDS_WIDEN_H */
