/*
 * bernoulli.h
 *		Exact Bernoulli trials whose probability is an exponential.
 */
#ifndef EHDS_BERNOULLI_H
#define EHDS_BERNOULLI_H

#include "noise/bits.h"
#include "noise/rational.h"

/*
 * True with probability exp(-num/den), exactly; den >= 1.
 * Canonne, Kamath, Steinke 2020, "The Discrete Gaussian for Differential
 * Privacy", Algorithm 1.
 */
extern bool ehds_bernoulli_exp(EhdsBits *bits, uint64 num, uint64 den);

/*
 * True with probability exp(-(num1/den1) (num2/den2)), exactly; den1, den2 >= 1. The
 * factors may be as large as they like, but should not be of very different size:
 * one that is near 0 beside a large one makes many trials.
 */
extern bool ehds_bernoulli_exp_product(EhdsBits *bits, uint128 num1, uint64 den1, uint128 num2, uint64 den2);

#endif /* EHDS_BERNOULLI_H */
