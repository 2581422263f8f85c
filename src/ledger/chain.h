/*
 * chain.h
 *		A row of ehds.ledger_entry and the keyed hash that ties it to the row before.
 */
#ifndef EHDS_CHAIN_H
#define EHDS_CHAIN_H

#include "core/compat.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "pseudonym/hmac.h"

/* attribute numbers of ehds.ledger_entry */
enum
{
	LEDGER_SEQ = 1,
	LEDGER_AT,
	LEDGER_KIND,
	LEDGER_SESSION_ROLE,
	LEDGER_ROLE,
	LEDGER_PERMIT,
	LEDGER_POPULATION,
	LEDGER_ACTION,
	LEDGER_DETAIL,
	LEDGER_EPSILON,
	LEDGER_DELTA,
	LEDGER_MAC,
	LEDGER_RHO
};

#define LEDGER_NATTS LEDGER_RHO

/* kinds of entries that count in budgets */
#define LEDGER_CHARGE "charge"
#define LEDGER_RESERVATION "reservation"

typedef struct LedgerRow
{
	int64 seq;
	TimestampTz at;
	const char *kind;
	const char *session_role;
	const char *role;
	const char *permit; /* from here to detail: may be NULL */
	const char *population;
	const char *action;
	const char *detail;
	int64 epsilon_nano;
	int64 delta_atto;
	int64 rho_pico; /* 0, and NULL in the table: not accounted for in zCDP */
	uint8 mac[EHDS_HMAC_LEN];
} LedgerRow;

/* A MAC under the ledger's key, for as long as the current memory context lives. */
extern EhdsHmac *ehds_chain_key(void);

/* The fields of a row behind seq and at, as they enter the MAC. */
extern void ehds_chain_serialise(StringInfo buf, const LedgerRow *row);

/* MAC of a row whose other fields are in rest, after the entry whose MAC is previous. */
extern void ehds_chain_mac(EhdsHmac *hmac, const uint8 previous[EHDS_HMAC_LEN], const LedgerRow *row,
						   StringInfo rest, uint8 out[EHDS_HMAC_LEN]);

/* Between rows and tuples; a tuple that no entry can have (NULL in seq ...) gives false. */
extern HeapTuple ehds_chain_form_tuple(TupleDesc desc, const LedgerRow *row);
extern bool ehds_chain_deform(TupleDesc desc, const Datum *values, const bool *nulls, LedgerRow *row);

#endif /* EHDS_CHAIN_H */
