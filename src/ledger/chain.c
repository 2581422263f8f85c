/*
 * chain.c
 *		A row of ehds.ledger_entry and the keyed hash that ties it to the row before.
 *
 * mac = HMAC-SHA-256(ledger key, previous mac || fields in the order of the
 * table), each field preceded by its length in 4 bytes, big-endian, with
 * 0xffffffff and nothing behind it for NULL; integers and the time
 * (microseconds since 2000-01-01 UTC) in 8 bytes, big-endian; texts in UTF-8, so that a
 * dump restored into a database of another encoding stays valid; rho, where it
 * is not NULL, comes last as one more field.  The previous
 * mac of the first entry is 32 zero bytes.  Whoever lacks the key can neither
 * change an entry nor take one from the middle; the end is watched by
 * headfile.c and the memory of store.c.
 */
#include "ledger/chain.h"

#include "access/htup_details.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "pseudonym/keyring.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* the ledger is one chain over all versions of the master key that may follow */
#define LEDGER_KEY_VERSION 1

EhdsHmac *
ehds_chain_key(void)
{
	uint8 key[EHDS_KEY_LEN];

	ehds_derive_key("ledger", "", LEDGER_KEY_VERSION, "", key);
	return ehds_hmac_create(CurrentMemoryContext, key, sizeof(key));
}

static void
append_int64(StringInfo buf, int64 value)
{
	uint32 len = pg_hton32(sizeof(int64));
	uint64 net = pg_hton64((uint64) value);

	appendBinaryStringInfo(buf, (const char *) &len, sizeof(len));
	appendBinaryStringInfo(buf, (const char *) &net, sizeof(net));
}

static void
append_text(StringInfo buf, const char *s)
{
	const char *utf8 = s ? pg_server_to_any(s, strlen(s), PG_UTF8) : NULL;
	uint32 len = pg_hton32(s ? (uint32) strlen(utf8) : PG_UINT32_MAX);

	appendBinaryStringInfo(buf, (const char *) &len, sizeof(len));
	if (s)
		appendBinaryStringInfo(buf, utf8, strlen(utf8));
}

void
ehds_chain_serialise(StringInfo buf, const LedgerRow *row)
{
	append_text(buf, row->kind);
	append_text(buf, row->session_role);
	append_text(buf, row->role);
	append_text(buf, row->permit);
	append_text(buf, row->population);
	append_text(buf, row->action);
	append_text(buf, row->detail);
	append_int64(buf, row->epsilon_nano);
	append_int64(buf, row->delta_atto);
	if (row->rho_pico > 0)
		append_int64(buf, row->rho_pico);
}

/* Allocates nothing but what OpenSSL needs: it runs under the ledger's lock. */
void
ehds_chain_mac(EhdsHmac *hmac, const uint8 previous[EHDS_HMAC_LEN], const LedgerRow *row, StringInfo rest,
			   uint8 out[EHDS_HMAC_LEN])
{
	uint32 len = pg_hton32(sizeof(int64));
	uint64 seq = pg_hton64((uint64) row->seq);
	uint64 at = pg_hton64((uint64) row->at);

	ehds_hmac_begin(hmac);
	ehds_hmac_update(hmac, previous, EHDS_HMAC_LEN);
	ehds_hmac_update(hmac, &len, sizeof(len));
	ehds_hmac_update(hmac, &seq, sizeof(seq));
	ehds_hmac_update(hmac, &len, sizeof(len));
	ehds_hmac_update(hmac, &at, sizeof(at));
	ehds_hmac_update(hmac, rest->data, rest->len);
	ehds_hmac_end(hmac, out);
}

static void
set_text(Datum *values, bool *nulls, int attno, const char *s)
{
	if (s == NULL)
		nulls[attno - 1] = true;
	else
		values[attno - 1] = CStringGetTextDatum(s);
}

HeapTuple
ehds_chain_form_tuple(TupleDesc desc, const LedgerRow *row)
{
	Datum values[LEDGER_NATTS] = {0};
	bool nulls[LEDGER_NATTS] = {0};
	NameData session_role;
	NameData role;
	bytea *mac = (bytea *) palloc(VARHDRSZ + EHDS_HMAC_LEN);

	namestrcpy(&session_role, row->session_role);
	namestrcpy(&role, row->role);
	SET_VARSIZE(mac, VARHDRSZ + EHDS_HMAC_LEN);
	memcpy(VARDATA(mac), row->mac, EHDS_HMAC_LEN);

	values[LEDGER_SEQ - 1] = Int64GetDatum(row->seq);
	values[LEDGER_AT - 1] = TimestampTzGetDatum(row->at);
	set_text(values, nulls, LEDGER_KIND, row->kind);
	values[LEDGER_SESSION_ROLE - 1] = NameGetDatum(&session_role);
	values[LEDGER_ROLE - 1] = NameGetDatum(&role);
	set_text(values, nulls, LEDGER_PERMIT, row->permit);
	set_text(values, nulls, LEDGER_POPULATION, row->population);
	set_text(values, nulls, LEDGER_ACTION, row->action);
	set_text(values, nulls, LEDGER_DETAIL, row->detail);
	values[LEDGER_EPSILON - 1] = Int64GetDatum(row->epsilon_nano);
	values[LEDGER_DELTA - 1] = Int64GetDatum(row->delta_atto);
	values[LEDGER_MAC - 1] = PointerGetDatum(mac);
	values[LEDGER_RHO - 1] = Int64GetDatum(row->rho_pico);
	nulls[LEDGER_RHO - 1] = row->rho_pico == 0;
	return heap_form_tuple(desc, values, nulls);
}

static const char *
get_text(const Datum *values, const bool *nulls, int attno)
{
	return nulls[attno - 1] ? NULL : TextDatumGetCString(values[attno - 1]);
}

bool
ehds_chain_deform(TupleDesc desc, const Datum *values, const bool *nulls, LedgerRow *row)
{
	bytea *mac;

	if (nulls[LEDGER_SEQ - 1] || nulls[LEDGER_AT - 1] || nulls[LEDGER_SESSION_ROLE - 1] ||
		nulls[LEDGER_ROLE - 1] || nulls[LEDGER_EPSILON - 1] || nulls[LEDGER_DELTA - 1] ||
		nulls[LEDGER_MAC - 1])
		return false;
	mac = DatumGetByteaPP(values[LEDGER_MAC - 1]);
	if (VARSIZE_ANY_EXHDR(mac) != EHDS_HMAC_LEN)
		return false;
	memcpy(row->mac, VARDATA_ANY(mac), EHDS_HMAC_LEN);

	row->seq = DatumGetInt64(values[LEDGER_SEQ - 1]);
	row->at = DatumGetTimestampTz(values[LEDGER_AT - 1]);
	row->kind = get_text(values, nulls, LEDGER_KIND);
	row->session_role = NameStr(*DatumGetName(values[LEDGER_SESSION_ROLE - 1]));
	row->role = NameStr(*DatumGetName(values[LEDGER_ROLE - 1]));
	row->permit = get_text(values, nulls, LEDGER_PERMIT);
	row->population = get_text(values, nulls, LEDGER_POPULATION);
	row->action = get_text(values, nulls, LEDGER_ACTION);
	row->detail = get_text(values, nulls, LEDGER_DETAIL);
	row->epsilon_nano = DatumGetInt64(values[LEDGER_EPSILON - 1]);
	row->delta_atto = DatumGetInt64(values[LEDGER_DELTA - 1]);
	row->rho_pico = nulls[LEDGER_RHO - 1] ? 0 : DatumGetInt64(values[LEDGER_RHO - 1]);
	/* what serialises like NULL must be NULL */
	return nulls[LEDGER_RHO - 1] || row->rho_pico > 0;
}
