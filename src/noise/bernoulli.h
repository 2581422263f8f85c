/*
 * bernoulli.h
 *		Exact Bernoulli trials whose probability is an exponential.
 */
#ifndef EHDS_BERNOULLI_H
#define EHDS_BERNOULLI_H

#include "noise/bits.h"

/*
 * True with probability exp(-num/den), exactly; den >= 1.
 * Canonne, Kamath, Steinke 2020, "The Discrete Gaussian for Differential
 * Privacy", Algorithm 1.
 */
extern bool ehds_bernoulli_exp(EhdsBits *bits, uint64 num, uint64 den);

#endif /* EHDS_BERNOULLI_H */
