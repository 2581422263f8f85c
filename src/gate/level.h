/*
 * level.h
 *		A query of a statistics permit while its relations are being typed.
 *
 *	check.c			the typing rules: what a query is, from what it reads
 *	joins.c			joins on the subject
 *	multiply.c		joins that could repeat rows
 *	companions.c	public relations beside personal data
 *	harmless.c		expressions of such a query, over columns of queries around it too
 *	rows.c			queries whose rows are about one person each: projections, DISTINCT, LIMIT
 *	per_person.c	aggregates within a person
 *	windows.c		window functions within a person
 *	sublinks.c		subqueries in expressions
 *	one_filter.c	one look at the oppositions for several views of one person
 *	setops.c		UNION, INTERSECT and EXCEPT
 */
#ifndef EHDS_LEVEL_H
#define EHDS_LEVEL_H

#include "gate/gate.h"
#include "nodes/primnodes.h"

/* An entry of a query around: its rows decide whose rows are read. */
typedef struct
{
	int up;    /* how many levels around */
	int entry; /* range table index there */
} OuterEntry;

/*
 * The type of a relation: public, or tracked with the columns that hold the
 * subject. The rows of a query that compares its subject with that of a query
 * around it are of that person, whether or not it returns the column.
 */
typedef struct
{
	bool tracked;
	bool multiplied;     /* its rows may have been repeated as the analyst likes */
	Bitmapset *subjects; /* attribute numbers */
	List *outer;         /* OuterEntry *, of the query that is typed */
} RelType;

/* What may be made of a query while it is typed. */
typedef enum
{
	PLACE_STATEMENT,
	PLACE_FROM, /* a subquery or WITH: a column may be added */
	PLACE_EXPRESSION,
	PLACE_SET_OPERATION
} Place;

/* A query being typed, with what its range table and WITH list turned out to be. */
typedef struct Level
{
	EhdsGate *gate;
	Query *query;
	struct Level *parent;
	Place place;
	int depth;      /* 0: the statement itself */
	RelType *types; /* by range table index */
	int *component; /* union-find over tracked entries: equal subjects; 0: the subject of a query around */
	Bitmapset **nulled;     /* by range table index: outer joins that may make the entry NULL */
	List *outer;            /* OuterEntry *: what component 0 is */
	List *claims;           /* two entries each, as an integer list: must be of one person */
	List *kept;             /* entries whose subject is compared in a way that it may not be NULL */
	List *subqueries;       /* SubLinks and aggregates that were checked, so that none is twice */
	bool person_aggregates; /* aggregates are within a person */
	bool counts_rows;       /* one of them depends on how often a row is repeated */
	bool person_windows;    /* window functions were found to be within a person */
	bool optional;          /* all persons stand on the side that an outer join may make NULL */
	bool must_be_tied;      /* a subquery is of the person of a query around, so this one must be too */
	List *ctes;             /* the WITH list as the analyst wrote it */
	List *cte_types;        /* RelType *, as far as that list is typed */
	List *conditions;       /* what every row of the join tree fulfils */
	List **added_on;        /* by range table index: ON of the outer join that adds the entry */
	List *entries;          /* tracked entries whose subject no outer join makes NULL */
} Level;

/* check.c */
extern RelType ehds_check_query(EhdsGate *gate, Query *query, Level *parent, Place place);
/* rows of persons where only statistics may be */
extern void ehds_require_key_type(Level *level, Node *key);

/* joins.c */
extern int ehds_subject_of(Level *level, Node *node);
/* the level that a column of a query around is of, and the column as it is there */
extern Level *ehds_outer_column(Level *level, Var *var, Var **column);
extern List *ehds_and_members(Node *quals);
extern bool ehds_is_equality(OpExpr *op);
extern bool ehds_connected(Level *level, List *entries);
extern bool ehds_is_tied(Level *level);
extern void ehds_tie(Level *level, int entry, List *outer);
extern void ehds_refuse_unjoined(Level *level, Node *where);
extern List *ehds_check_jointree(Level *level, Node *node);
extern List *ehds_subject_vars(Level *level, List *entries);

/* multiply.c */
extern bool ehds_may_multiply(Level *level);
extern bool ehds_one_row_by_key(Query *query);
/* is there a unique key of the table within these columns? */
extern bool ehds_has_unique_key(Oid relid, Bitmapset *columns);

/* companions.c */
extern CommonTableExpr *ehds_find_cte(Level *level, RangeTblEntry *rte, RelType **type, Level **home);
extern void ehds_check_companion(Level *level, RangeTblEntry *rte);
/* a public query that is evaluated only if there are rows of persons */
extern void ehds_require_harmless_query(Level *level, Query *query);

/* harmless.c */
extern EhdsColumn ehds_classify(Var *var, void *context);
extern void ehds_require_harmless_in(Level *level, Node *node);

/* rows.c */
extern RelType ehds_type_rows(Level *level);
extern bool ehds_has_subject(Level *level, List *clauses);
extern bool ehds_has_clause(TargetEntry *tle, List *clauses);
extern SortGroupClause *ehds_ascending(Query *query, TargetEntry *tle);

/* per_person.c */
extern RelType ehds_type_per_person(Level *level);
extern void ehds_check_person_aggregate(Level *level, Aggref *agg);

/* windows.c */
extern void ehds_check_windows(Level *level);

/* sublinks.c */
extern void ehds_check_subquery(Level *level, SubLink *link);

/* one_filter.c */
extern void ehds_share_filters(Level *level);

/* setops.c */
extern RelType ehds_type_set_operation(Level *level);
/* the casts of its sides to common types cannot raise */
extern void ehds_check_set_operation_casts(Query *query, const char *text);

/* preview.c */
extern void ehds_refuse_rows(Level *level) pg_attribute_noreturn();

#endif /* EHDS_LEVEL_H */
