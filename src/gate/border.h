/*
 * border.h
 *		An aggregation of personal data while it is made a release.
 *
 *	border.c		splits the query: the release below, the analyst's expressions above
 *	aggregates.c	which protected aggregate stands for which
 *	cell_key.c		the same under a permit with cell keys
 *	filters.c		aggregates with FILTER
 *	k_release.c		the query that computes a release under k-anonymity
 *	release.c		what all releases are made from, and differentially private ones
 */
#ifndef EHDS_BORDER_H
#define EHDS_BORDER_H

#include "gate/gate.h"

/* What the release computes for an expression of the analyst's that is not a key. */
typedef struct Released
{
	Node *value;
	bool figure;   /* says something of the persons in the cell; GROUPING does not */
	bool count;    /* of persons or rows */
	bool own_rule; /* may be NULL in a shown cell */
} Released;

typedef struct Border
{
	EhdsGate *gate;
	Query *query;          /* the analyst's, before it is split */
	List *subjects;        /* Vars that may be counted */
	List *keys;            /* TargetEntry of the analyst's query, one a group key */
	List *outputs;         /* expressions over the query, as the analyst wrote them */
	List *released;        /* Released, one for each output after the keys (k-anonymity) */
	List *conditions;      /* of FILTER, each once */
	List *filters;         /* filters.c: aggregates with FILTER */
	int k;                 /* greatest k asked for */
	bool multiplied;       /* a join may repeat rows as the analyst likes */
	EhdsClassify classify; /* of the columns below the border */
	void *context;
} Border;

/* aggregates.c */
extern Oid ehds_subject_argument_type(Oid type);
extern Node *ehds_as_type(Node *node, Oid type);
extern void ehds_set_argument(Aggref *agg, int n, Node *node);
extern Node *ehds_required_subject(Border *b, Aggref *agg);
extern bool ehds_is_dp_count(Border *b, Aggref *agg);
extern void ehds_refuse_aggregate(Border *b, Aggref *agg) pg_attribute_noreturn();
extern Released *ehds_protected_aggregate(Border *b, Aggref *agg);

/* border.c */
extern CommonTableExpr *ehds_make_cte(char *name, Query *q);

/* filters.c */
extern Node *ehds_filtered(Border *b, Aggref *agg, Aggref *made, Node *condition, bool additive);
/* the condition that stands inside an aggregate of ones or nothing, NULL if none does */
extern Node *ehds_inner_condition(Aggref *agg, bool *share);
extern void ehds_complete_filters(Border *b);

/* k_release.c */
extern Node *ehds_if_else(Node *condition, Node *result, Node *otherwise);
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
/* a query that was at depth from is now at depth to; its WITH list came with it, or not */
extern void ehds_move_query(EhdsGate *gate, Query *query, int from, int to, bool own_list);
extern Query *ehds_dp_release_query(Border *b, int depth);

#endif /* EHDS_BORDER_H */
