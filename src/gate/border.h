/*
 * border.h
 *		An aggregation of personal data while it is made a release.
 *
 *	border.c		splits the query: the release below, the analyst's expressions above
 *	aggregates.c	which protected aggregate stands for which
 *	origins.c		which column of the permit a value is
 *	pairs.c			... for corr, covar_* and regr_*
 *	values.c		... of expressions that they may take
 *	one_way.c		sums of one column that is read twice
 *	cell_key.c		the same under a permit with cell keys
 *	filters.c		aggregates with FILTER
 *	flags.c			sums of flags of persons as such
 *	k_cells.c		what releases under k-anonymity are built from
 *	k_totals.c		such releases with GROUPING SETS
 *	k_release.c		the query that computes a release under k-anonymity
 *	dp_figure.h		... under differential privacy (dp_sets.c: with GROUPING SETS)
 *	release.c		what all releases are made from
 */
#ifndef EHDS_BORDER_H
#define EHDS_BORDER_H

#include "gate/gate.h"
#include "kanon/settings.h"

/* What the release computes for an expression of the analyst's that is not a key. */
typedef struct Released
{
	Node *value;
	Node *column;   /* whose values are summed, or NULL */
	bool figure;    /* says something of the persons in the cell; GROUPING does not */
	bool count;     /* of persons or rows */
	bool own_rule;  /* may be NULL in a shown cell */
	bool linked;    /* with the others of this kind gives a sum or a number of rows */
	bool with_rows; /* what links them: an average times rows is a sum */
} Released;

typedef struct Border
{
	EhdsGate *gate;
	Query *query;           /* the analyst's, before it is split */
	List *subjects;         /* Vars that may be counted */
	List *keys;             /* TargetEntry of the analyst's query, one a group key */
	List *outputs;          /* expressions over the query, as the analyst wrote them */
	List *figures;          /* DpFigure, one for each output from first_figure on (differential privacy) */
	int first_figure;       /* outputs before them: the keys, and GROUPING() of all if there are sets */
	char *of_set;           /* this is one of the grouping sets: in words, for what is told */
	List *released;         /* Released, one for each output after the keys (k-anonymity) */
	List *conditions;       /* of FILTER, each once */
	List *filters;          /* filters.c: aggregates with FILTER */
	bool chosen_conditions; /* the analyst wrote one of them */
	List *summed;           /* columns of which a sum or the like is released */
	Aggref *alone;          /* an aggregate of two columns that he wrote, or NULL */
	int k;                  /* greatest k asked for */
	bool multiplied;        /* a join may repeat rows as the analyst likes */
	struct Level *level;    /* the query as it was typed */
} Border;

/* aggregates.c */
extern Oid ehds_subject_argument_type(Oid type);
extern Node *ehds_as_type(Node *node, Oid type);
extern void ehds_set_argument(Aggref *agg, int n, Node *node);
extern Node *ehds_argument(Aggref *agg, int n);
/* a plain column, as one of the types that our aggregates take; refused if it is none */
extern Node *ehds_plain_value(Border *b, Aggref *agg, Node *value);
/* what is cast to double precision by value */
extern Node *ehds_value_before_cast(Node *value);
/* an aggregate of ours over subject, value (NULL: none) and fraction (below 0: none) */
extern Aggref *ehds_make_aggregate(const char *name, Node *subject, Node *value, double fraction, int k);
/* NULL in place of value where rows is 0 */
extern Node *ehds_null_if_none(Node *rows, Node *value);
/* a join may repeat rows as the analyst likes: refused */
extern void ehds_require_single_rows(Border *b, Aggref *agg);
/* a sum whose rules take NULLs for zeros, NULL if made is none or its column holds no NULL */
extern Aggref *ehds_sum_with_zeros(Border *b, Aggref *made);
extern Node *ehds_required_subject(Border *b, Aggref *agg);
/* the fraction of a percentile, which must be a constant; of percentile_cont from the smallest value on */
extern double ehds_constant_fraction(Border *b, Aggref *agg, Node *node);
extern double ehds_native_fraction(Border *b, Aggref *agg);
extern void ehds_refuse_aggregate(Border *b, Aggref *agg) pg_attribute_noreturn();
extern Released *ehds_protected_aggregate(Border *b, Aggref *agg);

/* origins.c */
/* the same column of the permit, under another name, cast, or of the same view joined twice; NULL: rows */
extern bool ehds_same_column_in(Query *query, Node *one, Query *other_query, Node *other);
extern bool ehds_same_column(Border *b, Node *one, Node *other);
/* values of the analyst's own would encode small groups in a sum */
extern bool ehds_is_plain_column(Query *query, Node *node);
extern bool ehds_is_never_null(Border *b, Node *node);
extern bool ehds_contains_outer_join(Node *jointree);
/* the usable subject that node is, NULL if it is none */
extern Var *ehds_usable_subject(Border *b, Node *node);

/* one_way.c: refuse sums of one column that is read twice */
extern void ehds_require_one_way(Border *b);

/* flags.c: sums and averages of a flag of persons as those of a condition */
extern Aggref *ehds_flag_as_condition(Border *b, Aggref *agg);

/* pairs.c: NULL if agg is no aggregate of two columns */
extern Released *ehds_pair_aggregate(Border *b, Aggref *agg);
extern void ehds_require_alone(Border *b);

/* values.c */
extern bool ehds_is_difference(Query *query, Node *node);
/* of a value with constants added or multiplied, NULL if agg is none */
extern Released *ehds_scaled_aggregate(Border *b, Aggref *agg);

/* border.c */
extern CommonTableExpr *ehds_make_cte(char *name, Query *q);

/* filters.c */
extern Node *ehds_filtered(Border *b, Aggref *agg, Aggref *made, Node *condition, bool additive,
						   bool explicit);
/* the condition that stands inside an aggregate of ones or nothing, NULL if none does */
extern Node *ehds_inner_condition(Aggref *agg, bool *share);
/* figure, which is made of made without FILTER, where conditions on its column leave it safe */
extern Node *ehds_beside_filters(Border *b, Aggref *made, Node *figure);
extern void ehds_complete_filters(Border *b);
/* the expression is made of this column of the permit, or may be */
extern bool ehds_mentions_column(Border *b, Node *expression, Node *column);
/* value <> 0 */
extern Node *ehds_is_not_zero(Node *value);

/* k_cells.c */
#define EHDS_CELLS_NAME "ehds cells"
/* an aggregate of ours over the subject */
extern Aggref *ehds_of_subjects(Border *b, const char *name);
extern Node *ehds_cell_is_shown(Border *b);
extern void ehds_add_target(Query *q, Node *expr, char *name);
/* of column n (from 0) of a release */
extern char *ehds_output_name(Border *b, int n);
/* keys and figures of each group of the analyst's input */
extern Query *ehds_cells_query(Border *b, int depth);
/* a query that reads another one, with no column yet */
extern Query *ehds_reader(Query *inner);
/* column n (from 1) of what a list of columns gives, as entry varno of the query around it */
extern Node *ehds_column(List *columns, int varno, int n);
/* what stands for a figure that is not shown */
extern Node *ehds_hidden_value(Border *b, Released *released, EhdsSuppressed mode);
extern Node *ehds_if_else(Node *condition, Node *result, Node *otherwise);

/* k_totals.c */
extern Query *ehds_with_totals(Border *b, int depth, EhdsSuppressed mode);

/* k_release.c */
extern Query *ehds_k_release(Border *b, int depth);

/* cell_key.c: permits whose counts have permanent noise */
extern Released *ehds_cell_key_aggregate(Border *b, Aggref *agg);
extern Node *ehds_cell_key_having(Border *b);

/* release.c */
extern Query *ehds_parse_template(const char *sql);
extern Node *ehds_parse_expression(const char *sql);
extern char *ehds_type_name(Oid type);
/* the analyst's FROM and WHERE, without anything that belongs above the border */
extern Query *ehds_below(Query *query, int depth);
/* a group key as it is released: equal keys must look the same */
extern Expr *ehds_canonical_key(Expr *key);
/* as it is copied: no text of more than 64 kB */
extern Expr *ehds_bounded_key(Expr *key);
/* a query that was at depth from is now at depth to; its WITH list came with it, or not */
extern void ehds_move_query(EhdsGate *gate, Query *query, int from, int to, bool own_list);

/* dp_release.c */
/* the column of a table that node is, unchanged; 0 if it is none */
extern AttrNumber ehds_table_column(Query *query, Node *node, Oid *relid);
extern Query *ehds_dp_release_query(Border *b, int depth);

/* dp_grouping.c: GROUPING() of all keys, and what gives another one from it, above the release */
extern Node *ehds_dp_grouping_of_all(Border *b);
extern Node *ehds_dp_grouping(Border *b, GroupingFunc *grouping);

/* precision.c */
/* of a figure at gate->epsilon_nano */
extern EhdsDpShare ehds_count_share(EhdsGate *gate, bool keyed);
extern char *ehds_column_with(Border *b, Node *aggregate);
extern void ehds_tell_noise(EhdsGate *gate, EhdsNoise *noise, const char *words);
extern void ehds_tell_count(EhdsGate *gate, char *column, const EhdsMechanism *m, const EhdsDpShare *share);

#endif /* EHDS_BORDER_H */
