/*
 * open_charges.h
 *		Charges of which no answer has left, for the same query to be asked again on.
 */
#ifndef EHDS_OPEN_CHARGES_H
#define EHDS_OPEN_CHARGES_H

#include "core/compat.h"

#include "datatype/timestamp.h"

#define EHDS_CHARGE_KEY_LEN 32

/* releases of one query that are told apart */
#define EHDS_OPEN_RELEASES 8

/* executions that may be cancelled while they compute a release, for one charge */
#define EHDS_MOST_ATTEMPTS 10

typedef struct LedgerOpenCharge
{
	uint8 key[EHDS_CHARGE_KEY_LEN]; /* of query, settings, permit, mechanisms and amounts */
	TimestampTz at;                 /* of the charge */
	int attempts;                   /* executions that were cancelled while they computed a release */
	int64 stores[EHDS_OPEN_RELEASES]; /* of those of its releases that were recorded; 0: not drawn, or not seen */
} LedgerOpenCharge;

/* While the library is being preloaded. */
extern void ehds_open_charges_init(void);

/* Offer a charge. May be called while a transaction or a process ends; raises nothing. */
extern void ehds_open_charge_put(const LedgerOpenCharge *charge);

/* Take a charge with this key, for one execution; false if there is none. */
extern bool ehds_open_charge_take(const uint8 key[EHDS_CHARGE_KEY_LEN], LedgerOpenCharge *charge);

/* The same, and leave it there. */
extern bool ehds_open_charge_see(const uint8 key[EHDS_CHARGE_KEY_LEN], LedgerOpenCharge *charge);

#endif /* EHDS_OPEN_CHARGES_H */
