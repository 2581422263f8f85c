/*
 * labels.h
 *		The security labels of pg_ehds on tables and columns.
 */
#ifndef EHDS_LABELS_H
#define EHDS_LABELS_H

#include "core/compat.h"

#define EHDS_LABEL_PROVIDER "pg_ehds"

/* From _PG_init, preloaded or not: a restore sets labels in a session that only CREATE EXTENSION has loaded. */
extern void ehds_labels_init(void);

#endif /* EHDS_LABELS_H */
