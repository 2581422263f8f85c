/*
 * sealed_fit.c
 *		Rows of sealed tables that stay within their page.
 *
 * A value that is moved out of its row (TOAST) takes an OID of the counter that all
 * objects of the server share.  Whoever makes an object before and one after would
 * read from their OIDs how many such rows there are.  So in a row that is too big
 * for a page, values above an equal share of it become NULL.
 */
#include "core/compat.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "utils/rel.h"

#include "core/errors.h"
#include "gate/gate.h"

PG_FUNCTION_INFO_V1(ehds_fit_row);

/* Sizes as they are without compression: what a value becomes must not depend on how it was stored. */
static Size
bytes_in_row(Datum value)
{
	return MAXALIGN(toast_raw_datum_size(value));
}

/* Make values fit, in place. False if they do as they are. */
static bool
fit(TupleDesc desc, Datum *values, bool *nulls)
{
	Size fixed = 0;
	Size varying = 0;
	int n = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attlen != -1)
			fixed += MAXALIGN(att->attlen);
		else
		{
			n++;
			varying += nulls[i] ? 0 : bytes_in_row(values[i]);
		}
	}
	if (fixed + varying <= EHDS_MOST_BYTES_OF_ROW)
		return false;
	for (int i = 0; i < desc->natts; i++)
	{
		if (TupleDescAttr(desc, i)->attlen == -1 && !nulls[i] &&
			bytes_in_row(values[i]) > (EHDS_MOST_BYTES_OF_ROW - fixed) / n)
			nulls[i] = true;
	}
	return true;
}

/* The row, or in other, an empty virtual slot, one that fits. */
TupleTableSlot *
ehds_fit_slot(TupleTableSlot *slot, TupleTableSlot *other)
{
	TupleDesc desc = other->tts_tupleDescriptor;

	slot_getallattrs(slot);
	ExecClearTuple(other);
	memcpy(other->tts_values, slot->tts_values, sizeof(Datum) * desc->natts);
	memcpy(other->tts_isnull, slot->tts_isnull, sizeof(bool) * desc->natts);
	if (!fit(desc, other->tts_values, other->tts_isnull))
		return slot;
	return ExecStoreVirtualTuple(other);
}

/* fit_row(): the same for rows that INSERT gives, as a trigger BEFORE it */
Datum
ehds_fit_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc desc;
	Datum *values;
	bool *nulls;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || !TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("ehds.fit_row is a trigger before INSERT of a row")));
	desc = RelationGetDescr(trigger->tg_relation);
	values = palloc(sizeof(Datum) * desc->natts);
	nulls = palloc(sizeof(bool) * desc->natts);
	heap_deform_tuple(trigger->tg_trigtuple, desc, values, nulls);
	if (!fit(desc, values, nulls))
		return PointerGetDatum(trigger->tg_trigtuple);
	return PointerGetDatum(heap_form_tuple(desc, values, nulls));
}
