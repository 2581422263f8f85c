/*
 * dp_figure.h
 *		The private aggregates that one release computes.
 *
 *	dp_aggregates.c		which figure an aggregate of the analyst's is
 *	dp_range.c			its declared range, as whole steps
 *	dp_bins.c			the bins of a histogram
 *	dp_figure.c			its noise, its value and its precision
 *	dp_quantile.c		the same of quantiles
 *	dp_domain.h			groups that are released whether or not there are persons
 *	dp_release.c		the query that computes them, for one grouping set
 *	dp_one_group.c		persons who are in one group each
 *	dp_sets.c			several grouping sets, from one charge
 *	dp_grouping.c		GROUPING() above them
 *	dp_target.c			what they may spend, by ehds.epsilon or ehds.error_target
 */
#ifndef EHDS_DP_FIGURE_H
#define EHDS_DP_FIGURE_H

#include "catalog/pg_type.h"

#include "dp/measure.h"
#include "gate/border.h"

typedef enum DpKind
{
	DP_PERSONS,
	DP_ROWS,
	DP_SUM,
	DP_AVG,
	DP_VARIANCE,
	DP_STDDEV,
	DP_QUANTILE,
	DP_DISTINCT,
	DP_HISTOGRAM
} DpKind;

typedef struct DpFigure
{
	DpKind kind;
	Node *value;     /* NULL for persons and rows; of a histogram the number of the bin */
	Node *condition; /* rows that count, NULL: all */
	Measure measure; /* unless it is all persons */
	Oid type;        /* of the aggregate */
	/* of quantiles */
	bool is_array;
	int n_fractions;
	int64 *fractions; /* in 1e-9; they ascend */
	int n_elements;
	int *elements; /* of the array: which of the fractions they have */
} DpFigure;

/* Persons in the rows without a condition: what groups are selected by. */
static inline bool
ehds_dp_is_selecting(const DpFigure *figure)
{
	return figure->kind == DP_PERSONS && figure->condition == NULL;
}

/* dp_aggregates.c: the position in b->figures, to which it is added if it is new. */
extern int ehds_dp_figure(Border *b, Aggref *agg);
/* argument n, which must be a constant of this type; refused if it is none */
extern Datum ehds_dp_constant(Border *b, Aggref *agg, int n, Oid type, const char *what);
/* argument n, or the setting if n is below 0 */
extern int ehds_dp_max_rows(Border *b, Aggref *agg, int n);
/* a value as one of the types that measures take; refused if it can't be */
extern Node *ehds_dp_measurable(Border *b, Aggref *agg, Node *value);
/* the range of the label of the column that the figure's value is; refused if there is none */
extern void ehds_dp_require_range(Border *b, Aggref *agg, DpFigure *figure, Numeric *low, Numeric *high,
								  Numeric *step);

/* dp_bins.c: value and measure of a histogram */
extern void ehds_dp_bins(Border *b, Aggref *agg, DpFigure *figure);

static inline bool
ehds_is_date_type(Oid type)
{
	return type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

/* dp_range.c */
extern void ehds_dp_grid(Border *b, Aggref *agg, Numeric low, Numeric high, Numeric step, Oid type,
						 Measure *m);
/* a bound as a number: of dates days, of timestamps microseconds, as they are stored */
extern Numeric ehds_dp_bound(Datum bound, Oid type);
/* 22023 unless low is below high and both are finite */
extern void ehds_dp_require_bounds(Border *b, Aggref *agg, Numeric low, Numeric high);
extern bool ehds_dp_declared_range(Border *b, Node *value, Numeric *low, Numeric *high, Numeric *step);

/* dp_figure.c */
/* what the measure takes of a row, with the columns of the input */
extern Node *ehds_dp_measured(const DpFigure *figure);
/* SQL of noise on the sum of statistic n of the figure; statistic: its column */
extern char *ehds_dp_noised(const DpFigure *figure, int n, const char *statistic, int max_groups,
							const EhdsDpShare *share);
/* SQL of the figure, of its type, from the noised statistics column1, column2, ... */
extern char *ehds_dp_value(const DpFigure *figure, const char *column);
/* charges for it, and tells of its noise */
extern void ehds_dp_tell(EhdsGate *gate, const DpFigure *figure, char *column, int max_groups,
						 const EhdsDpShare *share);

/* of groups of which nobody is in two, and in whole numbers of its unit */
extern bool ehds_dp_is_additive(const DpFigure *figure);
/* the variance of the noise of its first statistic */
extern double ehds_dp_variance(const DpFigure *figure, int max_groups, const EhdsDpShare *share);

/*
 * Half width of the 95 % interval of a figure of one statistic, in its whole numbers;
 * false if the noise is too wide to compute with.
 */
extern bool ehds_dp_half_width(const DpFigure *figure, int max_groups, const EhdsDpShare *share, int64 *w);
/* a number as one of the types that figures have, or are arrays of */
extern char *ehds_dp_as_type(Oid type, const char *x);

/* dp_quantile.c */
extern void ehds_dp_fractions(Border *b, Aggref *agg, DpFigure *figure);
extern bool ehds_dp_same_fractions(const DpFigure *one, const DpFigure *other);
extern char *ehds_dp_quantile_noised(const DpFigure *figure, const char *statistic, int max_groups,
									 const EhdsDpShare *share);
extern char *ehds_dp_quantile_value(const DpFigure *figure, const char *column, const char *step);
/* in ranks, of all at once; infinity if the noise is too wide to compute with */
extern double ehds_dp_quantile_half_width(const DpFigure *figure, int max_groups, const EhdsDpShare *share);
/* mechanism, scale and half width */
extern void ehds_dp_tell_quantile(EhdsNoise *told, const DpFigure *figure, int max_groups,
								  const EhdsDpShare *share);

/* dp_domain.c */
/* A condition that a value is in the declared domain of its column; NULL: it has none. */
extern Node *ehds_dp_declared_value(Border *b, Node *value);
/* dp_release.c: the collation's name as SQL */
extern char *ehds_collation_name(Oid collation);
/* dp_release.c: SQL of a NULL as the key is */
extern char *ehds_dp_null_key(Node *key);

/* dp_workers.c: may workers hand over what they have collected, or tallied? */
extern bool ehds_dp_workers_may_collect(Border *b, int max_groups, int n_words, bool with_values);
extern bool ehds_dp_workers_may_tally(Border *b, int n_statistics);
/* A release by one list of keys; nothing in it depends on data. */
typedef struct DpSet
{
	Border *border;        /* its keys are those of the set */
	int depth;             /* of the analyst's query */
	int level;             /* how much deeper than a WITH query of the statement the release will be */
	bool unique;           /* the query has one row a person */
	bool one_group;        /* a person is in one group */
	int max_groups;        /* groups in which a person counts */
	char *domain;          /* SQL that gives the keys; NULL: they come from the data, or there are none */
	Query *keys;           /* what stands in its place, or NULL */
	Query *input;          /* the analyst's FROM and WHERE, without rows of undeclared keys */
	bool partial;          /* there may be such rows */
	bool selects;          /* groups */
	EhdsDpShare *shares;   /* of its figures */
	EhdsDpShare selection; /* of the count that selects groups, where it is no figure */
	bool statistics; /* its columns after the keys are not figures, but noised statistics v1_1, v1_2, ... */
} DpSet;

/* dp_domain.c: whether the keys of the set are public, and what follows from it */
extern void ehds_dp_domain(DpSet *set, int level);
extern void ehds_dp_describe(Border *b, int depth, int level, DpSet *set);
extern Query *ehds_dp_release_of(const DpSet *set);
/* dp_target.c: shares and selection of the set, by the settings or as given */
extern void ehds_dp_spend(DpSet *set);
extern void ehds_dp_spend_equally(DpSet *set, const EhdsDpShare *share);
/* the query's FROM has at most one row for each value of the column, by a unique index */
extern bool ehds_has_one_row_a_subject(Query *query, Var *subject);

/* dp_one_group.c: is a person in one group, whatever the data? Not to be relied on for privacy. */
extern bool ehds_dp_in_one_group(Border *b);

/* dp_sets.c */
extern Query *ehds_dp_sets_query(Border *b, int depth);

#endif /* EHDS_DP_FIGURE_H */
