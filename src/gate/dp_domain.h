/*
 * dp_domain.h
 *		Columns whose values everybody may know of.
 *
 *	dp_declared.c		which they are, and their values as SQL
 *	dp_domain.c			the keys that are computed from them
 */
#ifndef EHDS_DP_DOMAIN_H
#define EHDS_DP_DOMAIN_H

#include "catalog/domain.h"
#include "gate/dp_figure.h"

typedef struct DomainColumn
{
	List *path;           /* what tells it from others, as an integer list */
	Var *like;            /* of its type */
	Var *in_query;        /* as it stands in the analyst's query; NULL: it doesn't */
	EhdsDomain *declared; /* NULL: of the type */
	bool null;            /* it may be NULL */
	bool covers;          /* constraints of the table leave it no other values */
} DomainColumn;

/* dp_declared.c */
/* Of a subquery that is a sealed table: where its rows are; InvalidOid for any other entry. */
extern Oid ehds_sealed_store(RangeTblEntry *rte);
/* Of the column of a table or a sealed table; NULL if it has none. */
extern DomainColumn *ehds_domain_of_column(RangeTblEntry *rte, Var *var, bool nulled);
/* The table whose column it refers to; InvalidOid: none. */
extern Oid ehds_domain_table(const DomainColumn *column);
/* An entry of FROM with its values in one column, which ehds_domain_fill completes. */
extern char *ehds_domain_from(const DomainColumn *column, int n);
extern void ehds_domain_fill(const DomainColumn *column, RangeTblEntry *entry);
/* SQL of how many values the column has that a domain refers to. */
extern char *ehds_domain_size_of_source(const DomainColumn *column);
/* The value is one of the domain (or NULL, if nulls and it may be); NULL if all values of the type are. */
extern Node *ehds_domain_condition(const DomainColumn *column, bool nulls);
/* What is declared, in words: for the recognition of repeated queries. */
extern char *ehds_domain_text(const DomainColumn *column);

#endif /* EHDS_DP_DOMAIN_H */
