/*
 * border.h
 *		An aggregation of personal data while it is made a release.
 *
 *	border.c		splits the query: the release below, the analyst's expressions above
 *	aggregates.c	which protected aggregate stands for which
 *	cell_key.c		the same under a permit with cell keys
 *	release.c		the queries that compute a release
 */
#ifndef EHDS_BORDER_H
#define EHDS_BORDER_H

#include "gate/gate.h"

typedef struct Border
{
	EhdsGate *gate;
	Query *query;          /* the analyst's, before it is split */
	List *subjects;        /* Vars that may be counted */
	List *keys;            /* TargetEntry of the analyst's query, one a group key */
	List *outputs;         /* expressions over the query, as the analyst wrote them */
	List *released;        /* what is computed for each output (k-anonymity) */
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
extern Node *ehds_protected_aggregate(Border *b, Aggref *agg);

/* cell_key.c: permits whose counts have permanent noise */
extern Node *ehds_cell_key_aggregate(Border *b, Aggref *agg);
extern Node *ehds_cell_key_having(Border *b);

/* release.c */
extern Node *ehds_parse_expression(const char *sql);
extern char *ehds_type_name(Oid type);
extern Query *ehds_k_release(Border *b, int depth);
extern Query *ehds_dp_release_query(Border *b, int depth);

#endif /* EHDS_BORDER_H */
