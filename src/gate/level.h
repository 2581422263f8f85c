/*
 * level.h
 *		A query of a statistics permit while its relations are being typed.
 *
 *	check.c			the typing rules: what a query is, from what it reads
 *	joins.c			joins on the subject, and joins that could repeat rows
 *	companions.c	public relations beside personal data
 */
#ifndef EHDS_LEVEL_H
#define EHDS_LEVEL_H

#include "gate/gate.h"
#include "nodes/primnodes.h"

/* The type of a relation: public, or tracked with the columns that hold the subject. */
typedef struct
{
	bool tracked;
	bool multiplied;     /* its rows may have been repeated by a join with a public relation */
	Bitmapset *subjects; /* attribute numbers */
} RelType;

/* A query being typed, with what its range table and WITH list turned out to be. */
typedef struct Level
{
	EhdsGate *gate;
	Query *query;
	struct Level *parent;
	int depth;        /* 0: the statement itself */
	RelType *types;   /* by range table index */
	int *component;   /* union-find over tracked entries: equal subjects */
	List *cte_types;  /* RelType *, as far as the WITH list is typed */
	List *conditions; /* what every row of the join tree fulfils */
	List **added_on;  /* by range table index: ON of the outer join that adds the entry */
	List *entries;    /* tracked entries whose subject no outer join makes NULL */
} Level;

/* joins.c */
extern int ehds_subject_of(Level *level, Node *node);
extern EhdsColumn ehds_classify(Var *var, void *context);
extern void ehds_require_harmless_in(Level *level, Node *node);
extern bool ehds_connected(Level *level, List *entries);
extern void ehds_refuse_unjoined(Level *level, Node *where);
extern List *ehds_check_jointree(Level *level, Node *node);
extern bool ehds_may_multiply(Level *level);

/* companions.c */
extern CommonTableExpr *ehds_find_cte(Level *level, RangeTblEntry *rte, RelType **type, Level **home);
extern void ehds_check_companion(Level *level, RangeTblEntry *rte);

#endif /* EHDS_LEVEL_H */
