/*
 * gate.h
 *		What a query may do under a permit.
 *
 *	hooks.c			planner, executor and utility hooks: chaining and dispatch only
 *	admit.c			what an execution is charged
 *	settings.c		ehds.permit, ehds.purpose, ehds.epsilon, ehds.error_target, ehds.max_groups,
 *					ehds.max_rows
 *	precision.c		what a private release may spend, and how precise it is
 *	force.c			is a permit in force, now, for this role?
 *	approve.c		finds permit views in a query, plants approvals, marks plans
 *	level.h			types the relations of a statistics query (check.c and its kin)
 *	expressions.c	the expressions that may see personal data
 *	collations.c	collations that may compare personal data
 *	addend.c		values that can be added without an error
 *	allowed.h		which functions those are (allowed.c, literals.c)
 *	substitute.c	total versions in the place of functions that may raise
 *	coarsen.c		ehds.coarsen, bound to the permit
 *	border.h		turns an aggregation of personal data into a released relation
 *					(border.c, aggregates.c, release.c)
 *	sealed.c		tables of persons that nobody reads (sealed_insert.c: what is added;
 *					sealed_delete.c: what is removed; sealed_fit.c: that no OID
 *					and sealed_vacuum.c: that no number of rows counts them)
 *	sizes.c			functions that tell sizes, closed to those who work under permits
 *	explain.c		what a query would get and cost
 *	repeat.c		the same query asked again
 *	relied.c		what the check relied on must hold when the query runs
 *	at_rest.c		tables that the analyst may change, beside personal data
 *	guard.c			the functions that permit views and extracts call
 *	show_query.c	EXPLAIN under a permit
 *	row_filter.c	validates the row filter of a permit
 */
#ifndef EHDS_GATE_H
#define EHDS_GATE_H

#include "core/compat.h"

#include "executor/tuptable.h"
#include "nodes/bitmapset.h"
#include "nodes/params.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "tcop/cmdtag.h"
#include "tcop/dest.h"
#include "utils/queryenvironment.h"

#include "catalog/catalog_cache.h"
#include "core/approval.h"
#include "dp/mechanism.h"
#include "executor/execdesc.h"
#include "ledger/open_charges.h"
#include "ledger/releases.h"

/* What a query is charged; nothing unless epsilon or rho is above 0. */
typedef struct EhdsCharge
{
	int64 epsilon_nano;
	int64 delta_atto;
	int64 rho_pico;
} EhdsCharge;

/* The noise of one figure of a release, as it is told. */
typedef struct EhdsNoise
{
	int release; /* number of it in the query */
	char *column;
	const char *mechanism;
	double scale;      /* of Laplace noise, or sigma; in the figure's unit */
	double half_width; /* of the interval that covers it with 95 % */
	int max_groups;
	int64 tau;          /* threshold; 0: groups are not selected by it */
	char *remark;       /* bounds and the like, or NULL; for ehds.explain_privacy */
	int64 epsilon_nano; /* that ehds.epsilon would be for it */
	EhdsCharge cost;
} EhdsNoise;

/* One query under one permit, while it is being checked and rewritten. */
typedef struct EhdsGate
{
	EhdsPermit *permit;
	uint64 approval;
	const char *query_string; /* for error positions */
	Query *top;
	List *pending;       /* border CTEs not yet placed in the top query */
	List *seen;          /* OIDs of the relations in the checked tree */
	List *views;         /* OIDs of the permit's views and sealed tables in the statement */
	List *keys;          /* OIDs of unique indexes of tables in it (relied.c) */
	List *whole;         /* OIDs of sealed tables in it that were made in one go */
	List *beside;        /* OIDs of tables that are read only if there are rows of persons */
	int borders;         /* number of releases in the query */
	bool margins;        /* cells are hidden among totals, or folded: how many tells of them */
	int k;               /* effective threshold */
	EhdsDpBudget budget; /* of the permit */
	int64 epsilon_nano; /* of one release; in zCDP it stands for rho = epsilon^2 / 2; 0: by ehds.error_target */
	List *noises;       /* EhdsNoise */
	char *repeat;       /* digest of the statement in hexadecimal; NULL: it is asked anew each time */
	EhdsCharge charge; /* of the whole query */
	int max_groups;
	char *precision; /* of the releases, in words */
	double rounding; /* what it may add to a noised number that totals and parts are made to agree */
	bool shown;      /* EXPLAIN: the rewritten query itself is the answer */
	/* rows of persons may be stored, where nobody reads them (sealed.c) */
	bool seal;
	Oid seal_store;           /* INSERT: into which sealed table's rows */
	bool sealed;              /* the result is rows of persons */
	bool sealed_multiplied;   /* and they may have been repeated */
	Bitmapset *seal_subjects; /* its columns that hold the subject */
} EhdsGate;

/* How the plan that carries an approval is to be run: the marker's content. */
typedef struct EhdsMarker
{
	char *permit;
	int version; /* of the permit when planned; 0: the query reads its extract, not its views */
	uint64 approval;
	int k;              /* 0: not a k-anonymity release */
	bool figures;       /* one release: its NOTICE may count cells */
	EhdsCharge charge;  /* to be made before execution */
	const char *repeat; /* digest of the statement; empty: it is asked anew each time */
	int borders;
	List *fields;    /* as texts: first all of the above and below, then noises */
	char *precision; /* of the releases, in words */
	bool seals;      /* rows of persons are stored: nothing may tell how many */
	Oid seal_store;  /* INSERT: where */
	List *views;     /* and what they are read from */
	List *whole;     /* sealed tables to which nothing may have been added */
	List *beside;    /* tables that are read only if there are rows of persons */
} EhdsMarker;

/* What ehds_admit has found for an execution that is about to start. */
typedef struct EhdsAdmission
{
	bool charged; /* a charge stands behind it */
	bool has_key; /* it may be repeated, and its charge asked again on */
	uint8 key[EHDS_RELEASE_KEY_LEN];
	int releases;
	bytea **kept;          /* of each release what was recorded; NULL: to be drawn */
	LedgerOpenCharge open; /* the charge, as it is open again if no answer leaves */
	char *told;            /* of the charge */
} EhdsAdmission;

/* texts of a marker before those of the noises */
#define EHDS_MARKER_FIELDS 16

/* settings.c */
extern char *ehds_setting_permit;
extern char *ehds_setting_purpose;
extern int64 ehds_setting_epsilon_nano;      /* 0: the permit's default */
extern int64 ehds_setting_error_target_nano; /* 0: none */
extern int ehds_setting_max_groups;          /* 0: the permit's */
extern bool ehds_setting_fresh;
extern int ehds_setting_max_rows;
/* how much the precision of a grouping set counts, by what GROUPING() of all keys is in it; 1 if it is not named */
extern double ehds_weight_of_set(uint32 grouping);
extern bool ehds_sets_are_weighted(void);
extern void ehds_gate_settings_init(void);

/* force.c */
extern void ehds_require_in_force(const EhdsPermit *p, Oid role);
extern void ehds_require_quiet_session(void);
extern void ehds_require_stack(void);
extern void ehds_refuse(const char *permit, const char *action, const char *reason);

/* relied.c */
extern void ehds_note_relied(EhdsGate *gate);
extern void ehds_require_relied(EhdsGate *gate);
extern void ehds_require_whole(List *views);

/* collations.c: of the node itself, not of what is in it */
extern void ehds_require_current_collations(Node *node, const char *query_string);

/* at_rest.c */
/* declared public, and not filled by who asks or by another holder of a statistics permit */
extern bool ehds_is_public_of_others(Oid relid);
extern List *ehds_require_at_rest(List *beside);
extern void ehds_require_not_beside(PlannedStmt *plan);

/* approve.c */
extern Oid ehds_view_of_subquery(RangeTblEntry *rte);
extern bool ehds_mentions_permit_view(Query *query);
extern void ehds_gate_check(EhdsGate *gate, Query *query);
extern Oid ehds_approval_type(void);
extern Node *ehds_approval_const(uint64 approval);
extern void ehds_require_public_relation(Oid relid);
extern void ehds_plant_approval(EhdsGate *gate, Query *view);
/* certain.c */
extern void ehds_drop_certain(Query *view);
extern void ehds_check_plan(EhdsGate *gate, PlannedStmt *plan);
extern void ehds_check_unseen_plan(PlannedStmt *plan);
extern bool ehds_reads_extract(EhdsGate *gate, PlannedStmt *plan);
extern void ehds_mark_plan(EhdsGate *gate, PlannedStmt *plan);
extern bool ehds_read_marker(PlannedStmt *plan, EhdsMarker *marker);

/* admit.c */
extern bool ehds_costs(const EhdsCharge *charge);
/* records what is about to run; raises if it may not */
extern void ehds_admit(EhdsAdmission *a, const EhdsMarker *marker, const EhdsPermit *permit,
					   const QueryDesc *query);
extern void ehds_started(const EhdsAdmission *a, EhdsExecution *ex, MemoryContext cxt);
extern void ehds_not_started(const EhdsAdmission *a);
extern void ehds_tell_charge(const EhdsAdmission *a, const EhdsMarker *marker);

/* hooks.c */
extern PlannedStmt *ehds_plan_checked(EhdsGate *gate, Query *query, int cursor_options, ParamListInfo params);

/* sealed.c */
extern bool ehds_seal_table(PlannedStmt *pstmt, const char *query_string, ParamListInfo params,
							QueryEnvironment *query_env, QueryCompletion *qc);
extern PlannedStmt *ehds_drop_sealed_tables(PlannedStmt *pstmt);
extern void ehds_sweep_sealed_tables(void);
extern Datum ehds_oid_array(List *oids);

/* by who made it, whoever he is now, and by the owner of the schema */
extern void ehds_require_maker(EhdsPermitView *view, const char *action);

/* sealed_delete.c */
extern bool ehds_is_delete_from_sealed(Query *query);
extern void ehds_gate_delete(EhdsGate *gate, Query *query);
extern void ehds_begin_delete(EhdsMarker *marker);
extern PlannedStmt *ehds_truncate_sealed_tables(PlannedStmt *pstmt);

/* sealed_insert.c */
extern bool ehds_is_insert_into_sealed(Query *query);
extern void ehds_open_sealed_insert(EhdsGate *gate, Query *query);
extern void ehds_check_sealed_insert(EhdsGate *gate, Query *query);
extern void ehds_refuse_write_to_sealed(Query *query);
extern void ehds_note_sealed_insert(EhdsMarker *marker);

/* sealed_vacuum.c */
extern PlannedStmt *ehds_pass_over_sealed(PlannedStmt *pstmt);

/* sealed_fit.c */
/* a row and its header fit into a page */
#define EHDS_MOST_BYTES_OF_ROW (BLCKSZ - 692)
extern TupleTableSlot *ehds_fit_slot(TupleTableSlot *slot, TupleTableSlot *other);

/* sizes.c */
extern Query *ehds_without_sizes(Query *query);
extern void ehds_sizes_init(void);

/* origins.c */
/*
 * The column of a permit's view of which node is a plain copy; InvalidOid for anything
 * else. For what an aggregate within a person gives, the entry's number in the query.
 */
extern Oid ehds_origin_of(Query *query, Node *node, AttrNumber *attno);
extern bool ehds_is_plain_of_person(Query *query, Aggref *agg);

/* precision.c */
#define EHDS_NOISE_COLUMNS 10
extern void ehds_begin_private(EhdsGate *gate);
extern List *ehds_write_noises(List *noises);
extern void ehds_remember_release(const EhdsMarker *marker);
extern void ehds_noise_columns(const EhdsNoise *noise, Datum *values, bool *nulls);

/* show_query.c: false, and nothing is done, if the statement reads no permit's view */
extern bool ehds_explain(ExplainStmt *stmt, const char *query_string, DestReceiver *dest);

/* repeat.c */
extern void ehds_begin_repeatable(EhdsGate *gate);
extern void ehds_repeat_with(EhdsGate *gate, const char *declared);
extern Query *ehds_recorded(EhdsGate *gate, Query *q);
extern bool ehds_repeat_key(const EhdsMarker *marker, ParamListInfo params, uint8 *key);
/* noises: as ehds_write_noises gives them */
extern void ehds_charge_key(const uint8 *key, int releases, const EhdsCharge *charge, List *noises,
							uint8 *charge_key);

/* check.c */
extern void ehds_check_statistics(EhdsGate *gate, Query *query);

/* coarsen.c */
extern void ehds_bind_coarsening(EhdsGate *gate, Query *query);
extern bool ehds_is_bound_coarsening(Oid funcid, List *args);

/* expressions.c */
/* What a column below the border is. */
typedef enum EhdsColumn
{
	EHDS_COLUMN_OF_PERMIT, /* or of a declared public table */
	EHDS_COLUMN_SUBJECT,
	EHDS_COLUMN_OWN /* of a companion whose content may be the analyst's */
} EhdsColumn;

typedef EhdsColumn (*EhdsClassify)(Var *var, void *context);
extern void ehds_require_harmless(Node *node, const char *query_string, EhdsClassify classify, void *context);
/* substitute.c */
/* aggregates: what is computed from aggregates and window functions is replaced, too */
extern void ehds_substitute(Query *query, bool aggregates, EhdsClassify classify, void *context);
/* what a query returns is still rows of persons */
extern void ehds_substitute_outputs(Query *query, EhdsClassify classify, void *context);
extern Node *ehds_substitute_printed(Node *node, EhdsClassify classify, void *context);
extern Node *ehds_strip_casts(Node *node);
/* the column of a table or subquery that node is, through join aliases; NULL for an expression */
extern Var *ehds_column_of(Query *query, Node *node);

/*
 * border.c: a typed query becomes the reader of a release. subjects: columns to
 * count by; multiplied: rows may be repeated as the analyst likes.
 */
struct Level;
extern void ehds_release_border(struct Level *level, List *subjects, bool multiplied);

/* bits of an integer that GROUPING() gives */
#define EHDS_MARGIN_KEYS_MAX 31

/* refusals, with the position of the construct in the analyst's text */
extern int ehds_errposition(const char *query_string, int location);

#define EHDS_REFUSE(query_string, node, ...)                    \
	ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED), __VA_ARGS__, \
					ehds_errposition(query_string, (node) ? exprLocation((Node *) (node)) : -1)))

/* hooks.c */
extern bool ehds_hooks_installed;
extern void ehds_gate_init(void);

#endif /* EHDS_GATE_H */
