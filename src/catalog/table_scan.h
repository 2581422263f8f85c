/*
 * table_scan.h
 *		A scan of one of the extension's tables that fetches columns by name.
 */
#ifndef EHDS_TABLE_SCAN_H
#define EHDS_TABLE_SCAN_H

#include "core/compat.h"

#include "access/genam.h"
#include "utils/rel.h"

typedef struct
{
	Relation rel;
	SysScanDesc scan;
	HeapTuple tuple;
} TableScan;

extern void ehds_scan_begin(TableScan *s, Oid relid);
extern bool ehds_scan_next(TableScan *s);
extern void ehds_scan_end(TableScan *s);

/* Of the row at which the scan stands; NULL, or what is given, where the column is NULL. */
extern Datum ehds_scan_field(TableScan *s, const char *name, bool *isnull);
extern char *ehds_scan_text(TableScan *s, const char *name);
extern char *ehds_scan_name(TableScan *s, const char *name);
extern int64 ehds_scan_int64(TableScan *s, const char *name, int64 if_null);
extern int32 ehds_scan_int32(TableScan *s, const char *name, int32 if_null);
extern bool ehds_scan_bool(TableScan *s, const char *name);
extern Oid ehds_scan_oid(TableScan *s, const char *name);

#endif /* EHDS_TABLE_SCAN_H */
