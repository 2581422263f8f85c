/*
 * label_text.h
 *		The parts of a column's label.
 *
 * A label is a role, what is known of the values, or both, in this order:
 *
 *		[role] [, range a..b [step s]] [, domain ...]
 *
 * The domain is last, so that the commas in it are its own.
 */
#ifndef EHDS_LABEL_TEXT_H
#define EHDS_LABEL_TEXT_H

#include "core/compat.h"

typedef struct EhdsLabel
{
	char *role;   /* identifier, quasi-identifier, ...; NULL: none */
	char *range;  /* "range ...", not looked into */
	char *domain; /* "domain ...", not looked into */
} EhdsLabel;

/* a word that stands for a role */
extern bool ehds_is_role(const char *word);
/* false: something else than these parts is in it */
extern bool ehds_split_label(const char *label, EhdsLabel *parts);
/* The parts of the label of a column; all NULL if it has none. */
extern EhdsLabel ehds_column_label(Oid relid, AttrNumber attno);

#endif /* EHDS_LABEL_TEXT_H */
