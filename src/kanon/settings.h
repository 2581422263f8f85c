/*
 * settings.h
 *		The settings of the k-anonymity room as the aggregates see them.
 */
#ifndef EHDS_KANON_SETTINGS_H
#define EHDS_KANON_SETTINGS_H

/* most contributors that the (n, share) rule can look at */
#define EHDS_DOMINANCE_N_MAX 10

/* The dominance rules in force: of the user's value and the floor, the stricter. */
typedef struct EhdsDominance
{
	int n;     /* the n largest contributors ... */
	int share; /* ... must not hold more than this percentage */
	int p;     /* p % rule; 0 = off */
} EhdsDominance;

extern EhdsDominance ehds_dominance_effective(void);
extern bool ehds_show_zero;

#endif /* EHDS_KANON_SETTINGS_H */
