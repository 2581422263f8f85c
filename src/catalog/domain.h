/*
 * domain.h
 *		The declared domain of a column: the values that everybody may know of.
 *
 *		domain 'F', 'M'					values
 *		domain 8507, 8532, 0..9			whole numbers, or dates, from one to the other
 *		domain 1900..2030 step 10
 *		domain of omop.concept.concept_id	those of a column of a public table
 */
#ifndef EHDS_DOMAIN_H
#define EHDS_DOMAIN_H

#include "core/compat.h"

/* values of a domain, and combinations of values of several ones */
#define EHDS_DOMAIN_MAX 100000

typedef struct EhdsDomain
{
	char *text; /* as it was declared */
	Oid type;
	int32 typmod;
	int16 typlen;
	bool typbyval;
	char typalign;
	int n_values;
	Datum *values;
	/* of another column: its names; NULL if values are listed */
	char *schema;
	char *table;
	char *column;
} EhdsDomain;

/* Raises if text is not the domain of a column of this type. */
extern EhdsDomain *ehds_read_domain(const char *text, Oid type, int32 typmod);
/* What is to be checked when it is declared: each value once; a NOTICE if what it refers to is missing. */
extern void ehds_check_domain(const char *text, Oid relid, AttrNumber attno);
/* NULL if the column has none. */
extern EhdsDomain *ehds_declared_domain(Oid relid, AttrNumber attno);
/*
 * The table that a domain refers to, locked, and that column's type.  reason: why it
 * can't be used; the result is InvalidOid then.
 */
extern Oid ehds_domain_source(const EhdsDomain *domain, AttrNumber *attno, char **reason);
/* domain_covers.c: do constraints of the table leave no other values, NULL excepted? */
extern bool ehds_domain_covers(const EhdsDomain *domain, Oid relid, AttrNumber attno);

#endif /* EHDS_DOMAIN_H */
