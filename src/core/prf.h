/*
 * prf.h
 *		A pseudorandom function for short inputs, of which many are hashed with one key.
 *
 * CBC-MAC with AES-128 of OpenSSL over a first block that holds the length, so
 * that no input is the beginning of another: a pseudorandom function if AES is
 * one (Bellare, Kilian, Rogaway 2000, section 6).  An input of one block costs one
 * call, a quarter of what a MAC of OpenSSL costs.
 */
#ifndef EHDS_PRF_H
#define EHDS_PRF_H

#include "core/compat.h"

#define EHDS_PRF_KEY_LEN 16

typedef struct EhdsPrfKey
{
	uint8 bytes[EHDS_PRF_KEY_LEN];
} EhdsPrfKey;

/* Of two words. */
extern uint64 ehds_prf_pair(const EhdsPrfKey *key, uint64 a, uint64 b);

/* Of each of n words with b, in place of the word; calls of OpenSSL cost more than its blocks. */
extern void ehds_prf_pairs(const EhdsPrfKey *key, uint64 *words, int n, uint64 b);

/*
 * Of a word and bytes.  With one key it must not be mixed with ehds_prf_pair unless
 * the first words differ.
 */
extern uint64 ehds_prf_bytes(const EhdsPrfKey *key, uint64 word, const void *bytes, Size length);

/* A key made of a key and two words. */
extern void ehds_prf_derive(const EhdsPrfKey *key, uint64 a, uint64 b, EhdsPrfKey *derived);

#endif /* EHDS_PRF_H */
