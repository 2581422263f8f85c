/*
 * bernoulli.h
 *		Exact trials whose probability is an exponential, in a time that does not tell.
 *
 * A trial of exp(-g) takes as long for one g and one outcome as for another, given
 * the denominators, but for one in 479,001,600 at most. test/unit/timing.c measures
 * what is left of it, in processors whose divisions take longer for larger results.
 */
#ifndef EHDS_BERNOULLI_H
#define EHDS_BERNOULLI_H

#include "noise/bits.h"
#include "noise/rational.h"

/*
 * True with probability exp(-num/den), exactly; den >= 1, num <= den.
 * Canonne, Kamath, Steinke 2020, "The Discrete Gaussian for Differential
 * Privacy", Algorithm 1.
 */
extern bool ehds_bernoulli_exp_unit(EhdsBits *bits, uint64 num, uint64 den);

/*
 * True with probability exp(-(num1/den1) (num2/den2)), exactly; den1, den2 >= 1, and
 * den1 * den2 <= 2^127. If one of the fractions is 2^64 or more, the other is 0 or at
 * least 1; then the result may be wrong with a probability below exp(-2^63).
 */
extern bool ehds_bernoulli_exp_product(EhdsBits *bits, uint128 num1, uint64 den1, uint128 num2, uint64 den2);

#endif /* EHDS_BERNOULLI_H */
