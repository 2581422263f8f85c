/*
 * k_final.h
 *		What final functions share.
 */
#ifndef EHDS_K_FINAL_H
#define EHDS_K_FINAL_H

#include "core/compat.h"

#include "kanon/k_state.h"

/* The state of an aggregate of either kind; NULL if there was no row. */
extern KState *ehds_k_final_state(FunctionCallInfo fcinfo, KKind kind, KKind or_kind);

/* A sum over all subjects, of the type of its values. */
typedef union KSum
{
	int128 integer;
	SubjectTotal real; /* in two parts */
	Numeric numeric;   /* with as many decimals as the finest value */
} KSum;

/* The sum of all totals, if it may be shown: see k_sum.c. */
extern bool ehds_k_sum_shown(KState *state, KSum *sum);

#endif /* EHDS_K_FINAL_H */
