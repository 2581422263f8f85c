/*
 * ledger.h
 *		The durable, chained record of accesses, refusals, charges and decisions.
 */
#ifndef EHDS_LEDGER_H
#define EHDS_LEDGER_H

#include "core/compat.h"

typedef enum EhdsEntryKind
{
	EHDS_ACCESS,      /* a query that may read protected tables starts */
	EHDS_REFUSAL,     /* somebody was refused */
	EHDS_CHARGE,      /* privacy budget spent; only ehds_ledger_charge makes these */
	EHDS_RESERVATION, /* a permit's whole budget taken from its population's; the same */
	EHDS_DECISION     /* an act of governance */
} EhdsEntryKind;

typedef struct EhdsEntry
{
	EhdsEntryKind kind;
	const char *permit;     /* NULL: none */
	const char *population; /* NULL: none */
	const char *action;     /* verb: select, extract, oppose, issue_permit ... */
	const char *detail;     /* short text or NULL, cut at 1000 bytes */
	int64 epsilon_nano;     /* for the reader; only charges count */
	int64 delta_atto;
} EhdsEntry;

typedef struct EhdsChargeRequest
{
	const char *permit;     /* at most 63 bytes */
	const char *population; /* NULL: none; at most 63 bytes */
	const char *action;
	const char *detail;
	int64 epsilon_nano;        /* asked: more than 0; in zCDP 0 */
	int64 delta_atto;          /* asked: at least 0 */
	int64 rho_pico;            /* asked: in zCDP more than 0, else 0 */
	int64 permit_epsilon_nano; /* totals of the permit */
	int64 permit_delta_atto;
	int64 permit_rho_pico;         /* zCDP: what epsilon and delta allow, ... */
	int64 selection_delta_atto;    /* ... beside this part of delta for selections */
	int64 population_epsilon_nano; /* totals of the population; -1: no limit */
	int64 population_delta_atto;
} EhdsChargeRequest;

typedef struct EhdsSpent
{
	int64 epsilon_nano;
	int64 delta_atto;
	int64 rho_pico;
	int64 last_epsilon_nano; /* of the last charge, 0 if there was none */
	int64 last_delta_atto;
	int64 last_rho_pico;
} EhdsSpent;

typedef struct EhdsChargeResult
{
	int64 epsilon_left_nano; /* of the permit, after the charge; 0 in zCDP */
	int64 delta_left_atto;   /* in zCDP: for selections */
	int64 rho_left_pico;
	int64 seq; /* of the entry */
} EhdsChargeResult;

/* From _PG_init; does nothing unless the library is being preloaded. */
extern void ehds_ledger_init(void);

/*
 * Write an entry now.  It stays whatever becomes of the transaction, and is
 * asked to be flushed soon.  Returns its number.  A refusal that can't be
 * written because of recovery or parallel mode goes to the server's log and 0
 * is returned, so that its reason still reaches the user; everything else
 * raises ERRCODE_EHDS_LEDGER or ERRCODE_EHDS_KEY.
 */
extern int64 ehds_ledger_append(const EhdsEntry *e);

/*
 * Queue an entry that is written when the transaction commits or is prepared
 * and dropped with the (sub)transaction: a decision that was rolled back was
 * not taken.  Raises like ehds_ledger_append.
 */
extern void ehds_ledger_decide(const EhdsEntry *e);

/*
 * Spend privacy budget: checks the permit's and the population's totals under
 * the ledger's lock, writes the entry and returns when it is on disk (and on
 * the synchronous standby, where there is one).
 *
 * rho of several permits says nothing of the epsilon that limits a population, so
 * a permit in zCDP takes its whole (epsilon, delta) from the population with its
 * first charge, and nothing with the later ones: permits compose with each
 * other as (epsilon, delta)-DP does, whatever they do inside (Haney et al. 2023).
 *
 *  Raises ERRCODE_EHDS_BUDGET
 * (after writing a refusal), ERRCODE_EHDS_LEDGER (recovery, parallel mode, not
 * preloaded), 22023 for amounts that mean nothing.
 */
extern EhdsChargeResult ehds_ledger_charge(const EhdsChargeRequest *r);

/* What a permit (in zCDP: rho, and delta of selections) or population has spent so far. */
extern EhdsSpent ehds_ledger_spent_by_permit(const char *permit);
extern EhdsSpent ehds_ledger_spent_by_population(const char *population);

#endif /* EHDS_LEDGER_H */
