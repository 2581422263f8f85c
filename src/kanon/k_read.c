/*
 * k_read.c
 *		Reads the flat form of ehds.k_state; input and output functions of the type.
 *
 * Whatever arrives is checked to the last byte, also where only its beginning is
 * needed: see k_flat.h for the form.
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
#include "kanon/k_read.h"
#include "kanon/k_value.h"
#include "kanon/kanon.h"

/* what numeric_scale can return at most */
#define SCALE_LIMIT 16383

PG_FUNCTION_INFO_V1(ehds_k_state_in);
PG_FUNCTION_INFO_V1(ehds_k_state_out);
PG_FUNCTION_INFO_V1(ehds_k_state_recv);
PG_FUNCTION_INFO_V1(ehds_k_state_send);

static inline void
need(const KReader *reader, uint64 bytes)
{
	if ((uint64) (reader->end - reader->at) < bytes)
		ehds_k_invalid("it is cut off");
}

static inline uint8
get_byte(KReader *reader)
{
	need(reader, 1);
	return *reader->at++;
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

static uint128
get128(KReader *reader)
{
	uint128 high = get64(reader);

	return high << 64 | get64(reader);
}

static double
get_real(KReader *reader)
{
	uint64 bits = get64(reader);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* A sum in two parts. */
static void
get_real_sum(KReader *reader, SubjectTotal *total)
{
	total->real.high = get_real(reader);
	total->real.low = get_real(reader);
	if (!isfinite(total->real.high) || !isfinite(total->real.low) ||
		total->real.high + total->real.low != total->real.high)
		ehds_k_invalid("total out of range");
}

/* A finite numeric of at most so many decimals, in memory of its own. */
static Numeric
get_numeric(KReader *reader, int32 scale, bool finite)
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
		ehds_k_invalid("total out of range");
	pfree(bytes.data);
	if (numeric_is_nan(value) || numeric_is_inf(value))
	{
		if (finite)
			ehds_k_invalid("total out of range");
	}
	else if (finite && DatumGetInt32(DirectFunctionCall1(numeric_scale, NumericGetDatum(value))) > scale)
		ehds_k_invalid("total out of range");
	return value;
}

static KNumber
get_number(KReader *reader)
{
	KNumber number = {0};

	if (reader->value == K_VALUE_NUMERIC)
		number.numeric = get_numeric(reader, reader->values.scale, K_HAS_SUMS(reader->kind));
	else if (reader->value == K_VALUE_REAL)
	{
		number.real = get_real(reader);
		if (K_HAS_SUMS(reader->kind) && !isfinite(number.real))
			ehds_k_invalid("value out of range");
	}
	else
		number.integer = (int64) get64(reader);
	return number;
}

/* Read and check what kinds with values have before the subjects. */
static void
read_values(KReader *reader)
{
	KValues *values = &reader->values;
	values->scale = (int32) get32(reader);
	if (values->scale < 0 || values->scale > SCALE_LIMIT ||
		(values->scale != 0 && reader->value != K_VALUE_NUMERIC))
		ehds_k_invalid("scale out of range");
	values->n_distinct = get_byte(reader);
	values->n_distinct = EHDS_K_FLAT_DISTINCT(values->n_distinct);
	if (values->n_distinct > K_VALUES_OF(reader->kind) && values->n_distinct != K_MANY_VALUES)
		ehds_k_invalid("number of values out of range");
	if ((values->n_distinct == 0) != (reader->n == 0))
		ehds_k_invalid("values do not fit subjects");
	if (values->n_distinct != K_MANY_VALUES)
		for (int i = 0; i < values->n_distinct; i++)
			values->distinct[i] = get_number(reader);
	for (int i = 1; i < values->n_distinct && values->n_distinct != K_MANY_VALUES; i++)
		if (ehds_k_number_compare(reader->value, values->distinct[i - 1], values->distinct[i]) >= 0)
			ehds_k_invalid("values are not in order");

	if (reader->kind == K_AVG || reader->kind == K_VARIANCE || reader->kind == K_PERCENTILE)
	{
		uint64 rows = get64(reader);

		if (rows > PG_INT64_MAX || rows < reader->n || (rows > 0 && reader->n == 0))
			ehds_k_invalid("number of rows out of range");
		values->rows = (int64) rows;
	}
	if (reader->kind == K_PERCENTILE)
	{
		values->fraction = get_real(reader);
		if (!(values->fraction >= 0 && values->fraction <= 1))
			ehds_k_invalid("fraction out of range");
	}
	if (reader->kind == K_VARIANCE)
	{
		if (reader->value == K_VALUE_REAL)
			get_real_sum(reader, &values->squares.real);
		else if (reader->value != K_VALUE_NUMERIC)
		{
			values->squares.integer.high = get64(reader);
			values->squares.integer.low = get128(reader);
		}
		else if (values->rows > 0)
			values->squares.numeric = get_numeric(reader, 2 * values->scale, true);
	}
	if (reader->settled && (values->scale != 0 || values->rows != 0))
		ehds_k_invalid("settled, but with values");
}

void
ehds_k_read_header(KReader *reader, const char *data, Size length)
{
	bool value_fits;

	memset(reader, 0, sizeof(KReader));
	reader->at = (const unsigned char *) data;
	reader->end = reader->at + length;
	need(reader, EHDS_K_FLAT_HEADER);

	if (get_byte(reader) != EHDS_K_FLAT_VERSION)
		ehds_k_invalid("unknown version");
	reader->kind = get_byte(reader);
	reader->subject = get_byte(reader);
	reader->value = get_byte(reader);
	if (*reader->at > 1)
		ehds_k_invalid("flag out of range");
	reader->settled = get_byte(reader);
	reader->k = (int32) get32(reader);
	reader->n = get64(reader);

	if (reader->kind < K_MET || reader->kind > K_KIND_MAX)
		ehds_k_invalid("unknown kind");
	if (reader->subject < K_SUBJECT_INT || reader->subject > K_SUBJECT_TEXT)
		ehds_k_invalid("unknown subject type");
	if (reader->kind == K_ROWS || reader->kind == K_SUBSET)
		value_fits = reader->value == K_VALUE_INTEGER;
	else if (reader->kind == K_PERCENTILE)
		value_fits = reader->value == K_VALUE_REAL;
	else if (K_HAS_VALUES(reader->kind))
		value_fits = reader->value >= K_VALUE_INTEGER && reader->value <= K_VALUE_NUMERIC;
	else
		value_fits = reader->value == K_VALUE_NONE;
	if (!value_fits)
		ehds_k_invalid("type of the value does not fit its kind");
	if (reader->k < 2 || reader->k > EHDS_K_MAX)
		ehds_k_invalid("k out of range");

	/* each subject has a byte at least, so n is bounded by what is there */
	if (reader->n > (uint64) (reader->end - reader->at))
		ehds_k_invalid("it is cut off");
	if (reader->settled && ((reader->kind != K_MET && !K_HAS_SUMS(reader->kind)) || reader->n != 0))
		ehds_k_invalid("settled, but with subjects");
	if (reader->kind == K_MET && !reader->settled && reader->n >= (uint64) reader->k)
		ehds_k_invalid("k subjects, but not settled");
	if (K_HAS_VALUES(reader->kind))
		read_values(reader);
}

/* Read and check what is known of a subject. */
static void
read_total(KReader *reader)
{
	SubjectTotal *total = &reader->total;
	bool is_sum = K_HAS_SUMS(reader->kind);

	if (ehds_k_total_size(reader->kind, reader->value) == 0)
		return;
	if (reader->value == K_VALUE_NUMERIC)
		total->numeric = get_numeric(reader, reader->values.scale, is_sum);
	else if (reader->value == K_VALUE_REAL && is_sum)
		get_real_sum(reader, total);
	else if (reader->value == K_VALUE_REAL)
		total->extreme = get_real(reader);
	else if (is_sum && reader->value == K_VALUE_BIGINT)
	{
		total->integer = (int128) get128(reader);
		if (total->integer > EHDS_K_TOTAL_LIMIT || total->integer < -EHDS_K_TOTAL_LIMIT)
			ehds_k_invalid("total out of range");
	}
	else
	{
		total->small = (int64) get64(reader);
		if ((reader->kind == K_ROWS && total->small <= 0) ||
			(reader->kind == K_SUBSET && (total->small < 1 || total->small > 3)))
			ehds_k_invalid("total out of range");
	}

	reader->bears = 0;
	if (is_sum && reader->values.n_distinct == 1)
		reader->bears = K_BEARS(0);
	else if (is_sum && reader->values.n_distinct >= 2 && reader->values.n_distinct != K_MANY_VALUES)
	{
		reader->bears = get_byte(reader);
		if (reader->bears < K_BEARS(0) || reader->bears >= K_BEARS(reader->values.n_distinct))
			ehds_k_invalid("values of a subject out of range");
		for (int i = 0; i < reader->values.n_distinct; i++)
			reader->borne[i] += (reader->bears & K_BEARS(i)) != 0;
	}
}

/* A distance to the next integer of which nothing else is known; at is moved behind it. */
static inline uint64
get_distance(const unsigned char **at, const unsigned char *end)
{
	uint64 distance = 0;
	int shift = 0;
	uint8 byte;

	do
	{
		if (*at == end)
			ehds_k_invalid("it is cut off");
		byte = *(*at)++;
		if (shift == 63 && byte > 1)
			ehds_k_invalid("distance out of range");
		distance |= (uint64) (byte & 127) << shift;
		shift += 7;
	} while (byte & 128);
	/* in the shortest form only, so that equal contents have equal bytes */
	if (byte == 0)
		ehds_k_invalid("subjects are not in order");
	return distance;
}

int
ehds_k_read_ints(KReader *reader, int64 *members, int most)
{
	uint64 before = reader->key.words[0];
	int n = (int) Min((uint64) most, reader->n - reader->read);
	int i = 0;

	if (reader->read == 0 && n > 0)
		members[i++] = (int64) (before = get64(reader));
	for (; i < n; i++)
	{
		int64 member = (int64) (before + get_distance(&reader->at, reader->end));

		if (member <= (int64) before)
			ehds_k_invalid("subjects are not in order");
		members[i] = member;
		before = (uint64) member;
	}
	reader->key.words[0] = before;
	reader->read += n;
	return n;
}

bool
ehds_k_read_next(KReader *reader)
{
	uint64 before[2] = {reader->key.words[0], reader->key.words[1]};
	SubjectKey key;
	bool ascends = true;

	if (reader->read == reader->n)
		return false;

	switch ((KSubject) reader->subject)
	{
		case K_SUBJECT_INT:
			ehds_key_of_int(&reader->key, (int64) get64(reader));
			ascends = (int64) before[0] < (int64) reader->key.words[0];
			break;
		case K_SUBJECT_UUID:
			need(reader, 16);
			ehds_key_of_uuid(&reader->key, reader->at);
			reader->at += 16;
			ascends = before[0] < reader->key.words[0] ||
					  (before[0] == reader->key.words[0] && before[1] < reader->key.words[1]);
			break;
		case K_SUBJECT_TEXT:
		{
			uint32 length = get32(reader);

			need(reader, length);
			key = reader->key;
			ehds_key_of_text(&reader->key, (const char *) reader->at, length);
			reader->at += length;
			if (reader->read > 0)
				ascends = ehds_compare_texts(ehds_subject_bytes(key.words), TEXT_LENGTH(key.words),
											 ehds_subject_bytes(reader->key.words), length) < 0;
		}
		break;
	}
	if (reader->read > 0 && !ascends)
		ehds_k_invalid("subjects are not in order");
	read_total(reader);
	reader->read++;
	return true;
}

uint32
ehds_k_read_row(KReader *reader, uint64 n, double *value, uint32 *subject)
{
	double before = *value;
	uint32 before_subject = *subject;
	int order;

	*value = get_real(reader);
	*subject = get32(reader);
	if (*subject >= reader->n)
		ehds_k_invalid("subject of a row out of range");
	order = (n == 0) ? 1 : float8_cmp_internal(*value, before);
	if (order < 0 || (order == 0 && *subject < before_subject))
		ehds_k_invalid("rows are not in order");
	return *subject;
}

void
ehds_k_read_end(KReader *reader)
{
	if (K_HAS_SUMS(reader->kind) && reader->values.n_distinct >= 2 &&
		reader->values.n_distinct != K_MANY_VALUES)
		for (int i = 0; i < reader->values.n_distinct; i++)
			if (reader->borne[i] == 0)
				ehds_k_invalid("a value that nobody has");
	if (reader->at != reader->end)
		ehds_k_invalid("it has trailing bytes");
}

/* Raise an error unless data is a valid flat form. */
static void
check_flat(const char *data, Size length)
{
	KReader reader;

	ehds_k_read_header(&reader, data, length);
	if (K_USES_INTS(&reader))
	{
		int64 members[EHDS_K_READ_INTS];

		while (ehds_k_read_ints(&reader, members, EHDS_K_READ_INTS) > 0)
			CHECK_FOR_INTERRUPTS();
	}
	while (ehds_k_read_next(&reader))
	{
		CHECK_FOR_INTERRUPTS();
		if (reader.value == K_VALUE_NUMERIC)
			pfree(reader.total.numeric);
	}
	if (reader.kind == K_PERCENTILE)
	{
		double value = 0;
		uint32 subject = 0;

		for (uint64 n = 0; n < (uint64) reader.values.rows; n++)
			(void) ehds_k_read_row(&reader, n, &value, &subject);
	}
	ehds_k_read_end(&reader);
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
			ehds_k_invalid("it is not in lowercase hexadecimal");
		VARDATA(result)[i] = (char) (high << 4 | low);
	}
	if (text[2 * length] != '\0')
		ehds_k_invalid("it is not in lowercase hexadecimal");
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
