/*
 * allowed.h
 *		Which built-in functions may see personal data, and on what condition.
 */
#ifndef EHDS_ALLOWED_H
#define EHDS_ALLOWED_H

#include "core/compat.h"

#include "nodes/primnodes.h"

/* What has to hold for a function to be evaluated below the border. */
typedef enum EhdsAllowed
{
	EHDS_NOT_ALLOWED,
	EHDS_LEAKPROOF,      /* PostgreSQL vouches for it */
	EHDS_TOTAL_FUNCTION, /* it can't raise whatever the arguments */
	EHDS_OF_COLUMN,      /* its first argument is a column of the permit, or it is replaced */
	EHDS_OF_PATTERN,     /* ... and its second one is a sound literal pattern */
	EHDS_OF_FIELD,       /* its first argument is the name of a field */
	EHDS_OF_FORMAT,      /* its second argument is a format of dates */
	EHDS_OF_ELEMENTS,    /* its arguments are arrays whose elements can be compared */
	EHDS_OF_THRESHOLDS,  /* its second argument is a constant array */
	EHDS_OF_TYPMOD,      /* an explicit cast to a length */
	EHDS_REPLACED        /* by its total version in schema ehds */
} EhdsAllowed;

/* What a total version asks for beside its arguments' types. */
typedef enum EhdsLiteral
{
	EHDS_LITERAL_NONE,
	EHDS_LITERAL_UNIT,
	EHDS_LITERAL_FIELD,
	EHDS_LITERAL_FORMAT,
	EHDS_LITERAL_REGEX,
	EHDS_LITERAL_EXPONENT
} EhdsLiteral;

extern EhdsAllowed ehds_allowed(Oid funcid);
/* the function of ours that stands for a built-in one, InvalidOid if none does */
extern Oid ehds_total_version(Oid funcid);
/* the built-in function that a total version stands for; any other function itself */
extern Oid ehds_native_version(Oid funcid);
extern Oid ehds_total_from_text(Oid type);
/* is it one of ours, and what does it ask for? */
extern bool ehds_is_total_version(Oid funcid, EhdsLiteral *literal);

/* constants.c */
extern Const *ehds_folded_constant(Node *node);
/* the current date or time, shifted by little: it can't raise when it is evaluated again */
extern bool ehds_is_sound_time(Node *node);

/* literals.c */
/* a constant expression of text as it is, NULL if it is something else or NULL */
extern char *ehds_constant_text(Node *node);
extern bool ehds_is_sound_pattern(Node *node);
extern bool ehds_is_field(Node *node, Oid type);
/* what is wrong with the argument that must be a literal, NULL if nothing is */
extern const char *ehds_wrong_literal(EhdsLiteral literal, Oid funcid, List *args, Oid collation);
extern bool ehds_is_date_format(Node *node, bool input);

#endif /* EHDS_ALLOWED_H */
