/*
 * catalog_cache.h
 *		Declarations and permits, as the gate reads them.
 */
#ifndef EHDS_CATALOG_CACHE_H
#define EHDS_CATALOG_CACHE_H

#include "core/compat.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/date.h"

/* Column of a sealed table: the column of a permit's view that it is a copy of. */
typedef struct EhdsOrigin
{
	Oid view; /* InvalidOid: made by the analyst */
	AttrNumber attno;
} EhdsOrigin;

/* A view that a permit compiled to, or by which a sealed table is read. */
typedef struct EhdsPermitView
{
	Oid view; /* hash key */
	char permit[NAMEDATALEN];
	char subject[NAMEDATALEN]; /* name of the subject column in the view */
	/* of a sealed table only */
	Oid store;       /* where its rows are; InvalidOid for a view of the permit itself */
	int version;     /* of the permit when it was made */
	bool multiplied; /* rows may be there several times */
	char made_by[NAMEDATALEN];
	int n_origins;
	EhdsOrigin *origins; /* by column */
} EhdsPermitView;

/* A permit, read afresh: what is true now, not when a plan was made. */
typedef struct EhdsPermit
{
	int32 permit_id;
	char *permit;
	Oid grantee;
	char *purpose;
	char *population; /* NULL while the permit has no table */
	char *status;
	bool statistics; /* else pseudonymised */
	DateADT valid_from;
	DateADT valid_until; /* inclusive */
	int k;
	bool dp; /* has a privacy budget */
	int64 epsilon_nano;
	int64 delta_atto;
	int64 epsilon_default_nano;
	bool zcdp; /* accounted for in zCDP */
	int64 rho_pico;
	int64 selection_delta_atto; /* of delta, what selections of groups may spend in zCDP */
	int max_groups;
	bool cell_key; /* counts of persons have permanent noise */
	int cell_key_max;
	int cell_key_variance_milli;
	int cell_key_no_small;
	int version;
	int64 population_epsilon_nano; /* -1: no limit set */
	int64 population_delta_atto;
} EhdsPermit;

/* False in databases without the extension. */
extern bool ehds_catalog_present(void);
/* The namespace of the extension, InvalidOid without it. */
extern Oid ehds_namespace(void);

/* Is there any permit's view in this database? */
extern bool ehds_any_permit_view(void);
extern bool ehds_any_extract(void);
/* A copy, NULL if the relation is no permit's view and no sealed table. */
extern EhdsPermitView *ehds_permit_view(Oid relid);
/* Is there any sealed table? */
extern bool ehds_any_sealed(void);
/* The view by which the sealed table that is stored in relid is read, InvalidOid if it stores none. */
extern Oid ehds_sealed_view_of_store(Oid relid);
extern bool ehds_sealed_is_whole(Oid view);
extern bool ehds_is_protected(Oid relid);
/* The permit of the extract to which a table belongs, NULL for any other table. */
extern const char *ehds_extract_of(Oid relid);
extern bool ehds_is_public(Oid relid);
/* NULL if there is no such permit. */
extern EhdsPermit *ehds_read_permit(const char *permit);
/* The active permits of whose grantee the role is a member (a superuser as such is of none). */
extern List *ehds_read_active_permits(Oid role);

extern void ehds_catalog_cache_init(void);

#endif /* EHDS_CATALOG_CACHE_H */
