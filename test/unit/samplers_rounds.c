/*
 * samplers_rounds.c
 *		All scripts of bits with several coins at a time and digits by fours.
 */
#define EHDS_ROUNDS 3
#define EHDS_CHUNK 4

#include "samplers.c"
