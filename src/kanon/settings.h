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

/*
 * What stands for a cell with 1 to k - 1 subjects; later ones are stricter.  An
 * aggregate alone can't leave out its row or make one: for it the last two are
 * NULL, and the gate does the rest.
 */
typedef enum EhdsSuppressed
{
	EHDS_SUPPRESSED_NEGATIVE, /* counts are -k, other figures NULL */
	EHDS_SUPPRESSED_NULL,     /* figures are NULL */
	EHDS_SUPPRESSED_OTHER,    /* the cells are folded into one */
	EHDS_SUPPRESSED_OMIT      /* the row is left out */
} EhdsSuppressed;

/* The stricter of what the user asked for and the floor. */
extern EhdsSuppressed ehds_suppressed_effective(void);

/* A count as it may be shown: rounded to the base of the floor, then to the user's. */
extern int64 ehds_round_count(int64 n);

/* Is a figure refused if all its subjects have the same value? */
extern bool ehds_refuses_unanimity(void);

#endif /* EHDS_KANON_SETTINGS_H */
