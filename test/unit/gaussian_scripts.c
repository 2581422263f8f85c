/*
 * gaussian_scripts.c
 *		The samplers that gaussian.c tests by chance, on all scripts of bits.
 */
#define EHDS_ROUNDS 1
#define EHDS_CHUNK 1

#include "gaussian.c"
