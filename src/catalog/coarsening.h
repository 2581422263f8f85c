/*
 * coarsening.h
 *		The published maps of permits, for the gate.
 */
#ifndef EHDS_COARSENING_H
#define EHDS_COARSENING_H

#include "core/compat.h"

/* Has this permit a published map of a classification? */
extern bool ehds_has_coarsening(int32 permit_id, const char *system);
extern void ehds_no_coarsening(const char *permit, const char *system) pg_attribute_noreturn();

#endif /* EHDS_COARSENING_H */
