/*
 * exp_digits.h
 *		The binary digits of exp(-1), exp(-2), ..., as many as are asked for.
 */
#ifndef EHDS_EXP_DIGITS_H
#define EHDS_EXP_DIGITS_H

#include "core/compat.h"

#define EHDS_EXP_DIGITS_MAX 32

/*
 * n digits (1..64) of exp(-j) after the first `at` behind the point, the first one
 * most significant; j in 1..EHDS_EXP_DIGITS_MAX.
 */
extern uint64 ehds_exp_digits(int j, int at, int n);

#endif /* EHDS_EXP_DIGITS_H */
