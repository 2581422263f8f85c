/*
 * k_state.h
 *		The transition state of the k aggregates, type ehds.k_state.
 *
 *	int_set.h		a set of integer subjects
 *	subject_map.h	a set of subjects of any type, or what is known of each
 *	k_state.c		a state in memory
 *	k_value.h		the values of a group: totals, extremes, which occur at all
 *	k_add.h			adding a row to a state
 *	k_transition.c	transition functions without a value
 *	k_transition_value.c	... with a value, and the combine function
 *	k_flat.h		the form that travels (k_flat.c writes, k_read.c reads, k_merge.c adds it)
 *	k_final.c		final functions of counts
 *	k_sum.c			... of sums, averages and variances
 *	k_order.c		... of minima, maxima and percentiles
 *	k_cell.c		leaving out cells under a permit
 */
#ifndef EHDS_K_STATE_H
#define EHDS_K_STATE_H

#include "core/compat.h"

#include "utils/expandeddatum.h"

#include "kanon/int_set.h"
#include "kanon/subject_map.h"

/* These numbers are part of the flat form. */
typedef enum KKind
{
	K_MET = 1,        /* are there k subjects? (k_met, k_cell) */
	K_COUNT = 2,      /* how many? */
	K_ROWS = 3,       /* how many rows has each subject? */
	K_SUM = 4,        /* which total has each subject? */
	K_AVG = 5,        /* the same, and the number of rows */
	K_VARIANCE = 6,   /* the same, and the sum of squares */
	K_MIN = 7,        /* which is the smallest value of each subject? */
	K_MAX = 8,        /* the largest? */
	K_PERCENTILE = 9, /* which are the values, and whose? */
	K_SUBSET = 10     /* for whom does a condition hold in some row, and not in some row? */
} KKind;

#define K_KIND_MAX K_SUBSET

typedef enum KValue
{
	K_VALUE_NONE = 0,
	K_VALUE_INTEGER = 1, /* sum is bigint; rows, each of which adds 1; flags of K_SUBSET */
	K_VALUE_BIGINT = 2,  /* sum is numeric */
	K_VALUE_REAL = 3,    /* double precision */
	K_VALUE_NUMERIC = 4
} KValue;

/* a value, by its type */
typedef union KNumber
{
	int64 integer;
	double real;
	Numeric numeric;
} KNumber;

/* more values occur than are looked at */
#define K_MANY_VALUES 4

/* of how many values it is looked at who bears them, at most (k_sum.c) */
#define K_VALUES_MAX 3
#define K_VALUES_OF(kind) ((kind) == K_VARIANCE ? 3 : K_HAS_SUMS(kind) ? 2 : 1)

/* bearers[i]: the subject has a row with the first of the values, with the second... */
#define K_BEARS(n) (1 << (n))

/* flags of K_SUBSET */
#define K_TRUE_IN_SOME_ROW 1
#define K_NOT_TRUE_IN_SOME_ROW 2

/* What a group knows of its values besides what it knows of each subject. */
typedef struct KValues
{
	int32 scale;      /* K_VALUE_NUMERIC: largest scale; else 0 */
	uint8 n_distinct; /* different values that occur: up to K_VALUES_OF(kind), or K_MANY_VALUES */
	KNumber distinct[K_VALUES_MAX];
	uint8 *bearers; /* by number of the entry, while there are two or more of sums */
	uint32 bearers_size;
	int64 rows; /* K_AVG, K_VARIANCE, K_PERCENTILE: rows with a value */
	union       /* K_VARIANCE: sum of squares */
	{
		struct
		{
			uint128 low;
			uint64 high;
		} integer;
		SubjectTotal real;
		Numeric numeric;
	} squares;
	double fraction; /* K_PERCENTILE */
	double *row_value;
	uint32 *row_entry;
	uint64 rows_size;
} KValues;

struct KState;

/* A row that waits to be added: its subject's entry is on its way from memory. */
typedef struct KPending
{
	struct KState *state;
	SubjectKey key;
	KNumber value;
} KPending;

/*
 * How many rows wait.  The first half of the way a row waits for its slot of the
 * index, the second half for its entry.
 */
#define K_PENDING 16

/* Memory that all states of one aggregate context share. */
typedef struct KShared
{
	MemoryContext parent;  /* the aggregate context */
	MemoryContext context; /* its child, with all the states in it */
	struct KCache *cache;  /* that finds this for the next group, or NULL */
	struct KShared *next;
	IntScratch scratch;
	SubjectArena arena;
	struct KState *flat_of; /* what flat holds, between asking for its size and taking it */
	char *flat;
	Size flat_size;
	uint32 n_put; /* rows that came, went half of the way, were added */
	uint32 n_half;
	uint32 n_added;
	KPending pending[K_PENDING];
	MemoryContextCallback callback;
} KShared;

typedef struct KState
{
	ExpandedObjectHeader header;
	KShared *shared;
	int32 k;
	uint8 kind;    /* KKind */
	uint8 subject; /* KSubject */
	uint8 value;   /* KValue */
	bool settled;  /* K_MET: k subjects are there and forgotten; with values: no figure is possible */
	union
	{
		IntSet ints; /* integer subjects of whom nothing else is known */
		struct
		{
			SubjectMap map;
			KValues *values; /* NULL for K_MET, K_COUNT, K_ROWS, K_SUBSET */
		};
	};
} KState;

/* a million groups of one are a million of these: one power of two, no more */
StaticAssertDecl(sizeof(void *) != 8 || sizeof(KState) <= 128, "KState has outgrown its chunk");

#define K_USES_INTS(state) ((state)->subject == K_SUBJECT_INT && (state)->value == K_VALUE_NONE)

/* kinds whose states have values (k_value.h) */
#define K_HAS_VALUES(kind) ((kind) >= K_SUM && (kind) <= K_PERCENTILE)
/* kinds whose totals are sums of values */
#define K_HAS_SUMS(kind) ((kind) >= K_SUM && (kind) <= K_VARIANCE)

/* The memory that the aggregate being computed shares; raises outside aggregates. */
extern KShared *ehds_k_shared(FunctionCallInfo fcinfo);

/* The same as a child of parent, for whoever keeps states without an aggregate. */
extern KShared *ehds_k_shared_in(MemoryContext parent);

/* An empty state. */
extern KState *ehds_k_state_new(KShared *shared, KKind kind, KSubject subject, KValue value, int32 k);

/* Whether a datum is one of our states in memory, and that state. */
extern bool ehds_k_state_is_expanded(Datum datum);
#define EHDS_K_STATE_EXPANDED(datum) ((KState *) DatumGetEOHP(datum))

/*
 * A state to read: the one in memory, or a flat one after it has been checked and
 * expanded into the current memory context.  No row of it waits.
 */
extern KState *ehds_k_state_read(Datum datum);

/* A flat state, checked and expanded into shared memory. */
extern KState *ehds_k_state_expand(Datum datum, KShared *shared);

/* Add all that a flat state (any datum of the type) holds; checks it. */
extern void ehds_k_state_merge(KState *state, Datum flat);

/* The number of distinct subjects; k if they were forgotten when k was met. */
extern uint32 ehds_k_state_subjects(KState *state);

/* Forget the subjects: k are there (or a figure is impossible), nothing else matters. */
extern void ehds_k_state_settle(KState *state);

#endif /* EHDS_K_STATE_H */
