/*
 * samplers_scripts.c
 *		The samplers that samplers.c tests by chance, on all scripts of bits.
 *
 * One coin is tossed without looking, and digits are drawn one by one: no stream is
 * long, and the parts that the server's constants make rare are the usual ones.
 */
#define EHDS_ROUNDS 1
#define EHDS_CHUNK 1

#include "samplers.c"
