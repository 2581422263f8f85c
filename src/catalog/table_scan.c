/*
 * table_scan.c
 *		Reading the extension's own tables.
 *
 * Not through SPI: the caller is any user, in any state of planning, and has no right
 * on them.
 */
#include "catalog/table_scan.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "core/errors.h"

void
ehds_scan_begin(TableScan *s, Oid relid)
{
	s->rel = table_open(relid, AccessShareLock);
	s->scan = systable_beginscan(s->rel, InvalidOid, false, NULL, 0, NULL);
}

bool
ehds_scan_next(TableScan *s)
{
	s->tuple = systable_getnext(s->scan);
	return HeapTupleIsValid(s->tuple);
}

void
ehds_scan_end(TableScan *s)
{
	systable_endscan(s->scan);
	table_close(s->rel, AccessShareLock);
}

Datum
ehds_scan_field(TableScan *s, const char *name, bool *isnull)
{
	TupleDesc desc = RelationGetDescr(s->rel);
	int attnum = SPI_fnumber(desc, name);

	if (attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_DECLARATION),
				 errmsg("table ehds.%s has no column \"%s\"", RelationGetRelationName(s->rel), name),
				 errhint(
					 "Is the library of another version than the extension? Run ALTER EXTENSION pg_ehds UPDATE.")));
	return heap_getattr(s->tuple, attnum, desc, isnull);
}

char *
ehds_scan_text(TableScan *s, const char *name)
{
	bool isnull;
	Datum d = ehds_scan_field(s, name, &isnull);

	return isnull ? NULL : TextDatumGetCString(d);
}

char *
ehds_scan_name(TableScan *s, const char *name)
{
	bool isnull;
	Datum d = ehds_scan_field(s, name, &isnull);

	return isnull ? NULL : pstrdup(NameStr(*DatumGetName(d)));
}

int64
ehds_scan_int64(TableScan *s, const char *name, int64 if_null)
{
	bool isnull;
	Datum d = ehds_scan_field(s, name, &isnull);

	return isnull ? if_null : DatumGetInt64(d);
}

int32
ehds_scan_int32(TableScan *s, const char *name, int32 if_null)
{
	bool isnull;
	Datum d = ehds_scan_field(s, name, &isnull);

	return isnull ? if_null : DatumGetInt32(d);
}

bool
ehds_scan_bool(TableScan *s, const char *name)
{
	bool isnull;
	Datum d = ehds_scan_field(s, name, &isnull);

	return !isnull && DatumGetBool(d);
}

Oid
ehds_scan_oid(TableScan *s, const char *name)
{
	bool isnull;
	Datum d = ehds_scan_field(s, name, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(d);
}
