/*
 * kanon.h
 *		k-anonymity statistics: what other rooms may use of them.
 */
#ifndef EHDS_KANON_H
#define EHDS_KANON_H

#include "core/approval.h"

/* A k above this protects nobody better and only costs memory. */
#define EHDS_K_MAX 1000000

/* Define the settings of this room; called once from _PG_init. */
extern void ehds_kanon_init(void);

/*
 * The k that is in force: the one asked for, or ehds.k if 0 is given.  Raises
 * 22023 if it is below ehds.k_floor or above EHDS_K_MAX.
 */
extern int ehds_k_effective(int requested);
extern int ehds_k_least(void); /* ehds.k_floor */

/*
 * May a cell (the ehds.k_state of k_cell) be shown, that is, does it hold at least
 * k subjects, or none while ehds.show_zero is on?  Counts the cell in ex as shown
 * or hidden, and takes the subjects of a hidden one into ex->hidden_subjects.  ex
 * must have been allocated by palloc, in memory that lives as long as the
 * execution.
 */
extern bool ehds_k_cell_shown(Datum state, EhdsExecution *ex);

/*
 * Say at the end of an execution that cells were hidden; how many, in figures that
 * obey k, only if ex->figures is set.
 */
extern void ehds_k_notice(EhdsExecution *ex);

/* What ehds.pair_figure computes: its first argument. */
typedef enum EhdsPairFigure
{
	EHDS_PAIR_CORR,
	EHDS_PAIR_COVAR_POP,
	EHDS_PAIR_COVAR_SAMP,
	EHDS_PAIR_AVGX,
	EHDS_PAIR_AVGY,
	EHDS_PAIR_SXX,
	EHDS_PAIR_SYY,
	EHDS_PAIR_SXY,
	EHDS_PAIR_SLOPE,
	EHDS_PAIR_INTERCEPT,
	EHDS_PAIR_R2
} EhdsPairFigure;

#endif /* EHDS_KANON_H */
