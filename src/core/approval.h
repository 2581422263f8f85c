/*
 * approval.h
 *		The executions that the gate has approved and that are live in this process.
 *
 * An approval is an unguessable 64-bit number that the gate writes into a plan.
 * It is worth something only while an execution that carries it is registered
 * here, so a copied, cached or forged constant opens nothing.
 */
#ifndef EHDS_APPROVAL_H
#define EHDS_APPROVAL_H

#include "core/compat.h"

typedef struct EhdsExecution
{
	uint64 approval;
	char *permit; /* name, for messages */
	Oid role;     /* for whom the permit was found in force */
	bool charged; /* a durable charge stands behind this execution */
	bool has_key; /* of repeats: releases are recorded under key */
	uint8 key[32];
	int releases;
	bytea **kept;   /* of each release what was recorded; NULL: to be drawn */
	int64 *stores;  /* its number in the store of releases; 0: not recorded on this charge */
	int begun;      /* releases that are being computed: noise may have been drawn, and not been recorded */
	bool cancelled; /* while it computed one, for no reason of its own */
	/* what the NOTICE on hidden cells is made of */
	int64 cells_shown;
	int64 cells_hidden;
	bool figures;                /* the NOTICE may give them: the statement has exactly one release */
	int k;                       /* 0: not a k-anonymity release */
	void *hidden_subjects;       /* owned by kanon: union of subjects of hidden cells, at most k */
	List *beside;                /* OIDs of tables of the grantee's that it reads (gate/at_rest.c) */
	uint32 command;              /* at which they were looked at */
	MemoryContext cxt;           /* as long as which it lives */
	struct EhdsExecution *outer; /* while it runs: inside of which it runs */
	struct EhdsExecution *next;
} EhdsExecution;

/* Register an execution for as long as cxt lives (the executor's query context). */
extern EhdsExecution *ehds_execution_begin(MemoryContext cxt, uint64 approval, const char *permit, Oid role);

/* The execution that was registered with this context, or NULL. */
extern EhdsExecution *ehds_execution_of(MemoryContext cxt);

/*
 * It runs, until the one that ran before is told to go on: open cursors of one cached
 * plan carry the same approval, and each must find its own charge and answer.
 */
extern EhdsExecution *ehds_execution_run(MemoryContext cxt);
extern void ehds_execution_go_on(EhdsExecution *before);

/* Does one that runs read this table beside personal data? */
extern bool ehds_execution_reads(Oid relid);

/* The execution that carries this approval, or NULL: one that runs, the innermost first, else a live one. */
extern EhdsExecution *ehds_execution_find(uint64 approval);

/*
 * The one with this context runs, and ends now because somebody, or a timeout, wants it
 * to. No other one: it may have failed before, for a reason of its own, and still be live.
 */
extern void ehds_execution_cancelled(MemoryContext cxt);

/* The process ends because somebody wants it to; those that run end with it. */
extern void ehds_executions_terminated(void);

/* Does any approved execution run in this process? */
extern bool ehds_execution_any(void);

/* The permit under which approved executions run, NULL if none does; false if they are of several. */
extern bool ehds_execution_one_permit(const char **permit);

/* As ehds_execution_find; raises ERRCODE_EHDS_NOT_APPROVED if there is none (an approval is never 0). */
extern EhdsExecution *ehds_require_execution(uint64 approval);

/* Argument n as an approval that is live; raises ERRCODE_EHDS_NOT_APPROVED if it is not. */
extern EhdsExecution *ehds_getarg_execution(FunctionCallInfo fcinfo, int n);

/* A fresh approval, never 0. */
extern uint64 ehds_approval_new(void);

#endif /* EHDS_APPROVAL_H */
