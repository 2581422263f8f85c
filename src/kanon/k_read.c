/*
 * k_read.c
 *		Reads the flat form of ehds.k_state; input and output functions of the type.
 *
 * Whatever arrives is checked to the last byte, also where only its beginning is
 * needed: see k_flat.c for the form.
 */
#include "core/compat.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "kanon/k_flat.h"
#include "kanon/k_state.h"
#include "kanon/kanon.h"

/* no sum of int64 that fits into a server comes near */
#define TOTAL_LIMIT ((int128) 1 << 110)
/* what numeric_scale can return at most */
#define SCALE_LIMIT 16383

PG_FUNCTION_INFO_V1(ehds_k_state_in);
PG_FUNCTION_INFO_V1(ehds_k_state_out);
PG_FUNCTION_INFO_V1(ehds_k_state_recv);
PG_FUNCTION_INFO_V1(ehds_k_state_send);

typedef struct KReader
{
	const unsigned char *at;
	const unsigned char *end;
	int kind;
	int subject;
	int value;
	bool settled;
	int32 k;
	int32 scale;
	uint64 n;           /* subjects in all */
	uint64 read;        /* of which read */
	SubjectKey key;     /* the last one read */
	SubjectTotal total; /* its total */
} KReader;

#define invalid(what) \
	ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid ehds.k_state: %s", what)))

static inline void
need(const KReader *reader, uint64 bytes)
{
	if ((uint64) (reader->end - reader->at) < bytes)
		invalid("it is cut off");
}

static inline uint32
get32(KReader *reader)
{
	uint32 value;

	need(reader, sizeof(value));
	memcpy(&value, reader->at, sizeof(value));
	reader->at += sizeof(value);
	return pg_ntoh32(value);
}

static inline uint64
get64(KReader *reader)
{
	uint64 value;

	need(reader, sizeof(value));
	memcpy(&value, reader->at, sizeof(value));
	reader->at += sizeof(value);
	return pg_ntoh64(value);
}

static double
get_real(KReader *reader)
{
	uint64 bits = get64(reader);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Read and check everything before the subjects. */
static void
read_header(KReader *reader, const char *data, Size length)
{
	bool may_settle;
	bool value_fits;

	memset(reader, 0, sizeof(KReader));
	reader->at = (const unsigned char *) data;
	reader->end = reader->at + length;
	need(reader, EHDS_K_FLAT_HEADER);

	if (*reader->at++ != EHDS_K_FLAT_VERSION)
		invalid("unknown version");
	reader->kind = *reader->at++;
	reader->subject = *reader->at++;
	reader->value = *reader->at++;
	if (*reader->at > 1)
		invalid("flag out of range");
	reader->settled = *reader->at++;
	reader->k = (int32) get32(reader);
	reader->scale = (int32) get32(reader);
	reader->n = get64(reader);

	if (reader->kind < K_MET || reader->kind > K_SUM)
		invalid("unknown kind");
	if (reader->subject < K_SUBJECT_INT || reader->subject > K_SUBJECT_TEXT)
		invalid("unknown subject type");
	if (reader->kind == K_ROWS)
		value_fits = reader->value == K_VALUE_INTEGER;
	else if (reader->kind == K_SUM)
		value_fits = reader->value >= K_VALUE_INTEGER && reader->value <= K_VALUE_NUMERIC;
	else
		value_fits = reader->value == K_VALUE_NONE;
	if (!value_fits)
		invalid("type of the value does not fit its kind");
	if (reader->k < 2 || reader->k > EHDS_K_MAX)
		invalid("k out of range");
	if (reader->scale < 0 || reader->scale > SCALE_LIMIT ||
		(reader->scale != 0 && reader->value != K_VALUE_NUMERIC))
		invalid("scale out of range");

	/* each subject has 4 bytes at least, so n is bounded by what is there */
	if (reader->n > (uint64) (reader->end - reader->at) / 4)
		invalid("it is cut off");
	may_settle = reader->kind == K_MET || reader->value == K_VALUE_REAL || reader->value == K_VALUE_NUMERIC;
	if (reader->settled && (!may_settle || reader->n != 0 || reader->scale != 0))
		invalid("settled, but with subjects");
	if (reader->kind == K_MET && !reader->settled && reader->n >= (uint64) reader->k)
		invalid("k subjects, but not settled");
}

/* Read and check a total. */
static void
read_total(KReader *reader)
{
	SubjectTotal *total = &reader->total;

	switch ((KValue) reader->value)
	{
		case K_VALUE_NONE:
			break;
		case K_VALUE_INTEGER:
		case K_VALUE_BIGINT:
		{
			int64 high = (int64) get64(reader);
			uint64 low = get64(reader);

			total->integer = (int128) (((uint128) (uint64) high << 64) | low);
			if (total->integer == 0 || total->integer > TOTAL_LIMIT || total->integer < -TOTAL_LIMIT ||
				(reader->kind == K_ROWS && total->integer < 0))
				invalid("total out of range");
		}
		break;
		case K_VALUE_REAL:
			total->real.high = get_real(reader);
			total->real.low = get_real(reader);
			if (!isfinite(total->real.high) || !isfinite(total->real.low) || total->real.high == 0 ||
				total->real.high + total->real.low != total->real.high)
				invalid("total out of range");
			break;
		case K_VALUE_NUMERIC:
		{
			uint32 length = get32(reader);
			StringInfoData bytes;
			Numeric value;

			need(reader, length);
			initStringInfo(&bytes);
			appendBinaryStringInfo(&bytes, (const char *) reader->at, (int) length);
			reader->at += length;
			value = DatumGetNumeric(DirectFunctionCall3(numeric_recv, PointerGetDatum(&bytes),
														ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
			if (bytes.cursor != bytes.len)
				invalid("total out of range");
			pfree(bytes.data);
			if (numeric_is_nan(value) || numeric_is_inf(value) ||
				DatumGetInt32(DirectFunctionCall1(numeric_scale, NumericGetDatum(value))) > reader->scale)
				invalid("total out of range");
			total->numeric = value;
		}
		break;
	}
}

/* Read and check the next subject; false if there is none, and nothing trails. */
static bool
read_next(KReader *reader)
{
	SubjectKey before = reader->key;
	bool ascends = true;

	if (reader->read == reader->n)
	{
		if (reader->at != reader->end)
			invalid("it has trailing bytes");
		return false;
	}

	switch ((KSubject) reader->subject)
	{
		case K_SUBJECT_INT:
			reader->key = ehds_key_of_int((int64) get64(reader));
			ascends = (int64) before.a < (int64) reader->key.a;
			break;
		case K_SUBJECT_UUID:
			need(reader, 16);
			reader->key = ehds_key_of_uuid(reader->at);
			reader->at += 16;
			ascends = before.a < reader->key.a || (before.a == reader->key.a && before.b < reader->key.b);
			break;
		case K_SUBJECT_TEXT:
		{
			uint32 length = get32(reader);

			need(reader, length);
			reader->key = ehds_key_of_text((const char *) reader->at, length);
			reader->at += length;
			if (reader->read > 0)
				ascends = ehds_k_compare_texts(before.bytes, TEXT_LENGTH(before.b), reader->key.bytes,
											   length) < 0;
		}
		break;
	}
	if (reader->read > 0 && !ascends)
		invalid("subjects are not in order");
	read_total(reader);
	reader->read++;
	return true;
}

/* Raise an error unless data is a valid flat form. */
static void
check_flat(const char *data, Size length)
{
	KReader reader;

	read_header(&reader, data, length);
	while (read_next(&reader))
	{
		CHECK_FOR_INTERRUPTS();
		if (reader.value == K_VALUE_NUMERIC)
			pfree(reader.total.numeric);
	}
}

/* Add the subject that was just read, with its total. */
static void
merge_total(KState *state, KReader *reader)
{
	bool fresh;
	SubjectEntry *entry = ehds_subject_map_enter(&state->set.map, state->shared, &reader->key, &fresh);
	SubjectTotal *total = entry->total;

	switch ((KValue) state->value)
	{
		case K_VALUE_NONE:
			break;
		case K_VALUE_INTEGER:
		case K_VALUE_BIGINT:
			if (fresh)
				total->integer = reader->total.integer;
			else
			{
				total->integer += reader->total.integer;
				if (total->integer > TOTAL_LIMIT || total->integer < -TOTAL_LIMIT)
					invalid("total out of range");
			}
			break;
		case K_VALUE_REAL:
			if (fresh)
				*total = reader->total;
			else if (!ehds_k_total_add_real(total, reader->total.real.high) ||
					 !ehds_k_total_add_real(total, reader->total.real.low))
				ehds_k_state_settle(state);
			break;
		case K_VALUE_NUMERIC:
			ehds_k_total_add_numeric(state, total, fresh, reader->total.numeric);
			pfree(reader->total.numeric);
			break;
	}
}

void
ehds_k_state_merge(KState *state, Datum flat)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(flat);
	KReader reader;

	read_header(&reader, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	if (reader.kind != state->kind || reader.subject != state->subject || reader.value != state->value)
		invalid("it belongs to another aggregate");
	if (reader.k != state->k)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must not change within a group")));

	if (state->value == K_VALUE_NUMERIC && !state->settled)
		state->set.sum.scale = Max(state->set.sum.scale, reader.scale);
	if (reader.settled && !state->settled)
		ehds_k_state_settle(state);

	if (state->kind == K_COUNT && state->subject == K_SUBJECT_INT)
	{
		IntSet *set = &state->set.ints;
		IntScratch *scratch = &state->shared->scratch;

		/* what arrives is sorted: with nothing before it in the rest it stays so */
		ehds_int_set_compact(set, scratch);
		ehds_int_set_reserve(set, scratch, reader.n);
		while (read_next(&reader))
			set->items[set->n_items++] = (int64) reader.key.a;
		ehds_int_set_compact(set, scratch);
		return;
	}

	while (read_next(&reader))
	{
		CHECK_FOR_INTERRUPTS();
		if (state->settled)
			continue; /* but go on checking */
		if (state->value != K_VALUE_NONE)
			merge_total(state, &reader);
		else if (state->subject == K_SUBJECT_INT)
			ehds_k_add_int(state, (int64) reader.key.a);
		else
			ehds_k_add_key(state, &reader.key);
	}
}

KState *
ehds_k_state_expand(Datum datum, KShared *shared)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(datum);
	KReader reader;
	KState *state;

	read_header(&reader, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	state = ehds_k_state_new(shared, reader.kind, reader.subject, reader.value, reader.k);
	ehds_k_state_merge(state, PointerGetDatum(bytes));
	return state;
}

/* ---- input and output ---- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

Datum
ehds_k_state_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	Size length = strlen(text) / 2;
	bytea *result;

	result = palloc(VARHDRSZ + length);
	SET_VARSIZE(result, VARHDRSZ + length);
	for (Size i = 0; i < length; i++)
	{
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			invalid("it is not in lowercase hexadecimal");
		VARDATA(result)[i] = (char) (high << 4 | low);
	}
	if (text[2 * length] != '\0')
		invalid("it is not in lowercase hexadecimal");
	check_flat(VARDATA(result), length);
	PG_RETURN_BYTEA_P(result);
}

Datum
ehds_k_state_out(PG_FUNCTION_ARGS)
{
	bytea *flat = PG_GETARG_BYTEA_PP(0);
	Size length = VARSIZE_ANY_EXHDR(flat);
	char *result;

	if (!AllocSizeIsValid(2 * length + 1))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("too many persons in one group of a k aggregate to write its state as text")));
	result = palloc(2 * length + 1);
	hex_encode(VARDATA_ANY(flat), length, result);
	result[2 * length] = '\0';
	PG_RETURN_CSTRING(result);
}

Datum
ehds_k_state_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	int length = message->len - message->cursor;
	bytea *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	pq_copymsgbytes(message, VARDATA(result), length);
	check_flat(VARDATA(result), length);
	PG_RETURN_BYTEA_P(result);
}

Datum
ehds_k_state_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(DatumGetByteaPCopy(PG_GETARG_DATUM(0)));
}
