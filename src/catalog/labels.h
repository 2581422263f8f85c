/*
 * labels.h
 *		The security labels of pg_ehds on tables and columns.
 */
#ifndef EHDS_LABELS_H
#define EHDS_LABELS_H

#include "core/compat.h"

#include "utils/date.h"

#define EHDS_LABEL_PROVIDER "pg_ehds"

/* Is the label "range YYYY-MM-DD..YYYY-MM-DD" of days that exist, whose first is before the last? */
extern bool ehds_label_dates(const char *label, DateADT *first, DateADT *last);

/* From _PG_init, preloaded or not: a restore sets labels in a session that only CREATE EXTENSION has loaded. */
extern void ehds_labels_init(void);

#endif /* EHDS_LABELS_H */
