/*
 * verify.c
 *		ehds.verify_ledger(): is every entry there, and as it was written?
 *
 * The end of the ledger is read first, then all rows, in the order of their
 * numbers, of which a sort keeps in memory what work_mem allows.  Entries that
 * others append meanwhile have numbers behind that end; they are left out,
 * since the scan may see some of them and not others.
 */
#include "core/compat.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_operator.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "ledger/store.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"

PG_FUNCTION_INFO_V1(ehds_verify_ledger);

typedef struct Finding
{
	int64 entries; /* rows that were read in order */
	int64 bad_seq;
	char *text; /* NULL: nothing found */
} Finding;

static void
found(Finding *finding, int64 seq, char *text)
{
	finding->bad_seq = seq;
	finding->text = text;
}

/* All rows of the table, sorted by number.  SnapshotSelf: see scan_table in head.c. */
static Tuplesortstate *
sort_rows(Relation rel)
{
	AttrNumber attno = LEDGER_SEQ;
	Oid sort_operator = Int8LessOperator;
	Oid collation = InvalidOid;
	bool nulls_first = true;
	Tuplesortstate *sort = tuplesort_begin_heap(RelationGetDescr(rel), 1, &attno, &sort_operator, &collation,
												&nulls_first, work_mem, NULL, TUPLESORT_NONE);
	TableScanDesc scan = table_beginscan(rel, SnapshotSelf, 0, NULL);
	TupleTableSlot *slot = table_slot_create(rel, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		tuplesort_puttupleslot(sort, slot);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	tuplesort_performsort(sort);
	return sort;
}

/* Check one row that has a number up to the end; previous becomes its MAC. */
static void
check_row(TupleDesc desc, TupleTableSlot *slot, const LedgerEnd *end, EhdsHmac *hmac,
		  uint8 previous[EHDS_HMAC_LEN], Finding *finding)
{
	int64 expected = finding->entries + 1;
	LedgerRow row;
	StringInfoData rest;
	uint8 mac[EHDS_HMAC_LEN];

	slot_getallattrs(slot);
	if (!ehds_chain_deform(desc, slot->tts_values, slot->tts_isnull, &row))
	{
		found(finding, expected,
			  psprintf("an entry, %lld or another, was changed: it lacks a value", (long long) expected));
		return;
	}
	if (row.seq < expected)
	{
		found(finding, row.seq,
			  psprintf("there is more than one entry %lld, or one that was never written",
					   (long long) row.seq));
		return;
	}
	if (row.seq > expected)
	{
		found(finding, expected, psprintf("entry %lld is missing", (long long) expected));
		return;
	}

	initStringInfo(&rest);
	ehds_chain_serialise(&rest, &row);
	ehds_chain_mac(hmac, previous, &row, &rest, mac);
	if (memcmp(mac, row.mac, EHDS_HMAC_LEN) != 0)
	{
		found(finding, row.seq, psprintf("entry %lld was changed", (long long) row.seq));
		return;
	}

	/* someone who has the key can chain other entries, but not into our memory */
	if ((row.seq == end->seq && memcmp(mac, end->mac, EHDS_HMAC_LEN) != 0) ||
		(end->noted && row.seq == end->noted_seq && memcmp(mac, end->noted_mac, EHDS_HMAC_LEN) != 0))
	{
		found(finding, row.seq, psprintf("entry %lld is not the one that was written", (long long) row.seq));
		return;
	}
	memcpy(previous, mac, EHDS_HMAC_LEN);
	finding->entries++;
}

static void
verify(Finding *finding)
{
	EhdsHmac *hmac = ehds_chain_key();
	uint8 previous[EHDS_HMAC_LEN] = {0};
	LedgerEnd end;
	LedgerEnd later;
	Relation rel = ehds_store_open(&end);
	TupleDesc desc = RelationGetDescr(rel);
	Tuplesortstate *sort = sort_rows(rel);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	MemoryContext row_cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_ehds verify",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(row_cxt);
	int64 beyond = 0; /* largest number behind the end */
	int64 last;

	while (finding->text == NULL && tuplesort_gettupleslot(sort, true, false, slot, NULL))
	{
		bool isnull;
		int64 seq = DatumGetInt64(slot_getattr(slot, LEDGER_SEQ, &isnull));

		CHECK_FOR_INTERRUPTS();
		if (!isnull && seq > end.seq)
		{
			beyond = seq;
			continue;
		}
		check_row(desc, slot, &end, hmac, previous, finding);
		if (finding->text != NULL)
			finding->text = MemoryContextStrdup(caller, finding->text);
		MemoryContextReset(row_cxt);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(row_cxt);
	ExecDropSingleTupleTableSlot(slot);
	tuplesort_end(sort);
	table_close(rel, AccessShareLock);

	last = Max(end.seq, end.noted ? end.noted_seq : 0);
	if (finding->text == NULL && finding->entries < last)
		found(finding, finding->entries + 1,
			  psprintf("the ledger ends at entry %lld, but entry %lld was written",
					   (long long) finding->entries, (long long) last));

	/* has the ledger, meanwhile, got as far as the rows that were seen? */
	if (finding->text == NULL && beyond > 0)
	{
		table_close(ehds_store_open(&later), AccessShareLock);
		if (beyond > later.seq)
			found(finding, beyond, psprintf("entry %lld was never written", (long long) beyond));
	}
}

Datum
ehds_verify_ledger(PG_FUNCTION_ARGS)
{
	TupleDesc desc;
	Datum values[4] = {0};
	bool nulls[4] = {false, false, true, true};
	Finding finding = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	verify(&finding);
	values[0] = BoolGetDatum(finding.text == NULL);
	values[1] = Int64GetDatum(finding.entries);
	if (finding.text != NULL)
	{
		values[2] = Int64GetDatum(finding.bad_seq);
		values[3] = CStringGetTextDatum(finding.text);
		nulls[2] = nulls[3] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
