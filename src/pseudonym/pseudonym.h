/*
 * pseudonym.h
 *		Range of the bigint pseudonyms, for those who check values before a load.
 */
#ifndef EHDS_PSEUDONYM_H
#define EHDS_PSEUDONYM_H

#include "core/compat.h"

/* exact in double precision, JavaScript and spreadsheets */
#define EHDS_PSEUDONYM_MAX INT64CONST(999999999999999)

#endif /* EHDS_PSEUDONYM_H */
