/*
 * domain.c
 *		The declared domain of a column: see domain.h.
 *
 * Values are read in one way whatever the session's settings: dates are
 * year-month-day, numbers are plain.  A domain that refers to another column may be
 * declared before that column exists, since a restore may do so; it is looked up by
 * its names each time it is used.
 */
#include "core/compat.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"
#include "utils/varlena.h"

#include "catalog/catalog_cache.h"
#include "catalog/domain.h"
#include "catalog/label_text.h"
#include "core/errors.h"

PG_FUNCTION_INFO_V1(ehds_domain_source_problem);

/* A domain while it is read. */
typedef struct
{
	EhdsDomain *domain;
	const char *p;
	Oid input;
	Oid ioparam;
	int capacity;
} Reading;

static void
refuse(const Reading *r, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"%s\" is not a domain", r->domain->text),
			 errdetail("%s", detail),
			 errhint(
				 "Write values as in \"domain 8507, 8532\", \"domain 'F', 'M'\" or \"domain 0..120\", or \"domain of schema.table.column\".")));
}

static bool
is_whole(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

static bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
}

static bool
is_domain_type(Oid type)
{
	return is_whole(type) || is_text(type) || type == NUMERICOID || type == DATEOID || type == UUIDOID;
}

/* Would the input function read this alike in every session, as one value? */
static bool
is_plain(Oid type, const char *s)
{
	size_t digits = strspn(s, "0123456789");

	if (type == DATEOID)
		return strlen(s) == 10 && strspn(s, "0123456789-") == 10 && digits == 4 && s[4] == '-' && s[7] == '-';
	if (!is_whole(type) && type != NUMERICOID)
		return true;
	if (*s == '-' || *s == '+')
		digits = strspn(++s, "0123456789");
	if (digits == 0)
		return false;
	s += digits;
	if (type == NUMERICOID && *s == '.')
	{
		digits = strspn(++s, "0123456789");
		if (digits == 0)
			return false;
		s += digits;
	}
	return *s == '\0';
}

static void
add(Reading *r, Datum value)
{
	EhdsDomain *d = r->domain;

	CHECK_FOR_INTERRUPTS();
	if (d->n_values == EHDS_DOMAIN_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a domain has at most %d values", EHDS_DOMAIN_MAX)));
	if (d->n_values == r->capacity)
	{
		r->capacity = Max(2 * r->capacity, 16);
		d->values = d->values ? repalloc(d->values, sizeof(Datum) * r->capacity)
							  : palloc(sizeof(Datum) * r->capacity);
	}
	d->values[d->n_values++] = value;
}

static Datum
value_of(Reading *r, char *s)
{
	if (!is_plain(r->domain->type, s))
		refuse(r, r->domain->type == DATEOID ? "Dates are written year-month-day."
											 : "Numbers are written plainly.");
	return OidInputFunctionCall(r->input, s, r->ioparam, r->domain->typmod);
}

/* A whole number, or a date as days. */
static int64
whole_of(Reading *r, Datum value)
{
	switch (r->domain->type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case DATEOID:
			return DatumGetDateADT(value);
		default:
			return DatumGetInt64(value);
	}
}

static Datum
of_whole(Reading *r, int64 n)
{
	switch (r->domain->type)
	{
		case INT2OID:
			return Int16GetDatum((int16) n);
		case INT4OID:
			return Int32GetDatum((int32) n);
		case DATEOID:
			return DateADTGetDatum((DateADT) n);
		default:
			return Int64GetDatum(n);
	}
}

/* 'text', in which '' is one quote */
static char *
read_quoted(Reading *r)
{
	StringInfoData s;

	initStringInfo(&s);
	r->p++;
	for (;;)
	{
		if (*r->p == '\0')
			refuse(r, "A quote is not closed.");
		if (*r->p == '\'')
		{
			if (r->p[1] != '\'')
				break;
			r->p++;
		}
		appendStringInfoChar(&s, *r->p++);
	}
	r->p++;
	return s.data;
}

/* Letters, digits and the signs of numbers, dates and codes; nothing with a meaning of its own. */
static bool
is_bare(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IS_HIGHBIT_SET(c) ||
		   strchr("_-+/:", c) != NULL;
}

/* A point counts only between two such characters: 0..9 is two of them. */
static char *
read_bare(Reading *r)
{
	const char *start = r->p;
	char *word;

	while (*r->p != '\0' && (is_bare(*r->p) || (r->p > start && r->p[0] == '.' && is_bare(r->p[1]))))
		r->p++;
	if (r->p == start)
		refuse(r, "A value is missing, or must be in quotes.");
	word = pnstrdup(start, r->p - start);
	if (ehds_is_role(word))
		refuse(r, "A role stands before the domain, and a value that looks like one in quotes.");
	return word;
}

/* first..last [step s], of which first was read */
static void
read_span(Reading *r, int64 first)
{
	int64 last;
	int64 step = 1;

	r->p += 2;
	last = whole_of(r, value_of(r, read_bare(r)));
	if (strncmp(r->p, " step ", 6) == 0)
	{
		char *s;

		r->p += 6;
		s = read_bare(r);
		if (!is_plain(INT8OID, s))
			refuse(r, "A step is a whole number.");
		step = pg_strtoint64(s);
	}
	if (step < 1 || last < first)
		refuse(r, "The first value of a span is not above the last, and its step is above 0.");
	/* the difference of two 64-bit numbers may need one bit more */
	if (((int128) last - first) / step >= EHDS_DOMAIN_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a domain has at most %d values", EHDS_DOMAIN_MAX)));
	for (int64 i = 0, n = (int64) (((int128) last - first) / step); i <= n; i++)
		add(r, of_whole(r, (int64) (first + (int128) i * step)));
}

static void
read_reference(Reading *r)
{
	List *names;
	char *copy = pstrdup(r->p);

	if (!SplitIdentifierString(copy, '.', &names) || list_length(names) != 3)
		refuse(r, "After \"domain of\" stand the names of a schema, a table and a column.");
	r->domain->schema = pstrdup(linitial(names));
	r->domain->table = pstrdup(lsecond(names));
	r->domain->column = pstrdup(lthird(names));
}

EhdsDomain *
ehds_read_domain(const char *text, Oid type, int32 typmod)
{
	Reading r = {0};
	EhdsDomain *d = palloc0(sizeof(EhdsDomain));

	r.domain = d;
	d->typmod = typmod;
	d->text = pstrdup(text);
	d->type = type;
	if (!is_domain_type(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("a domain is not declared for columns of type %s", format_type_be(type)),
				 errdetail("It is for columns of whole numbers, numeric, text, dates and uuid; booleans and "
						   "enumerations have one by their type.")));
	get_typlenbyvalalign(type, &d->typlen, &d->typbyval, &d->typalign);
	getTypeInputInfo(type, &r.input, &r.ioparam);

	r.p = text + strlen("domain");
	if (*r.p != ' ')
		refuse(&r, "It has no values.");
	r.p += strspn(r.p, " ");
	if (strncmp(r.p, "of ", 3) == 0)
	{
		r.p += 3;
		read_reference(&r);
		return d;
	}
	for (;;)
	{
		bool quoted = *r.p == '\'';
		Datum value = value_of(&r, quoted ? read_quoted(&r) : read_bare(&r));

		if (!quoted && r.p[0] == '.' && r.p[1] == '.' && (is_whole(type) || type == DATEOID))
			read_span(&r, whole_of(&r, value));
		else
			add(&r, value);
		r.p += strspn(r.p, " ");
		if (*r.p == '\0')
			break;
		if (*r.p != ',')
			refuse(&r,
				   "Between two values stands a comma, and texts with other characters than letters, digits and _-+/:. stand in quotes.");
		r.p++;
		r.p += strspn(r.p, " ");
	}
	return d;
}

typedef struct
{
	FmgrInfo *cmp;
	Oid collation;
} Comparison;

static int
compare(const void *a, const void *b, void *arg)
{
	Comparison *c = (Comparison *) arg;

	return DatumGetInt32(FunctionCall2Coll(c->cmp, c->collation, *(const Datum *) a, *(const Datum *) b));
}

/* Each value once: a key that is there twice is a mistake in the list. */
static void
require_distinct(const EhdsDomain *d, Oid collation)
{
	Comparison c;
	Datum *sorted = palloc(sizeof(Datum) * Max(d->n_values, 1));

	c.cmp = &lookup_type_cache(d->type, TYPECACHE_CMP_PROC_FINFO)->cmp_proc_finfo;
	c.collation = OidIsValid(collation) ? collation : C_COLLATION_OID;
	memcpy(sorted, d->values, sizeof(Datum) * d->n_values);
	qsort_arg(sorted, d->n_values, sizeof(Datum), compare, &c);
	for (int i = 1; i < d->n_values; i++)
	{
		Oid output;
		bool varlena;

		if (compare(&sorted[i - 1], &sorted[i], &c) != 0)
			continue;
		getTypeOutputInfo(d->type, &output, &varlena);
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("value %s is in the domain twice", OidOutputFunctionCall(output, sorted[i]))));
	}
}

/* Could each value of the other column be one of this type without an error? */
static bool
fits(Oid other, int32 typmod, const EhdsDomain *d)
{
	Oid type = d->type;

	/* equal values of char(n) look the same, of char(n) and char(m) they don't */
	if (other == type)
		return type != BPCHAROID || typmod == d->typmod;
	if ((other == TEXTOID || other == VARCHAROID) && (type == TEXTOID || type == VARCHAROID))
		return true;
	return is_whole(other) && is_whole(type) && get_typlen(other) <= get_typlen(type);
}

Oid
ehds_domain_source(const EhdsDomain *d, AttrNumber *attno, char **reason)
{
	char *name = quote_qualified_identifier(d->schema, d->table);
	Oid schema = get_namespace_oid(d->schema, true);
	Oid relid = OidIsValid(schema) ? get_relname_relid(d->table, schema) : InvalidOid;
	Relation rel = OidIsValid(relid) ? try_table_open(relid, AccessShareLock) : NULL;
	bool secured;
	Oid type = InvalidOid;
	int32 typmod = -1;
	Oid collation;

	*reason = NULL;
	if (rel == NULL)
	{
		*reason = psprintf("there is no table %s", name);
		return InvalidOid;
	}
	secured = rel->rd_rel->relrowsecurity;
	table_close(rel, NoLock);
	*attno = get_attnum(relid, d->column);
	if (*attno > 0)
		get_atttypetypmodcoll(relid, *attno, &type, &typmod, &collation);
	if (!ehds_is_public(relid) || ehds_is_protected(relid))
		*reason = psprintf("table %s is not public", name);
	else if (secured)
		*reason = psprintf("table %s has row-level security", name);
	/* computed when a row is read, which may raise */
	else if (ehds_has_virtual_column(relid))
		*reason = psprintf("table %s has virtual generated columns", name);
	else if (*attno <= 0)
		*reason = psprintf("table %s has no column %s", name, quote_identifier(d->column));
	else if (!fits(type, typmod, d))
		*reason = psprintf("column %s of table %s is of type %s", quote_identifier(d->column), name,
						   format_type_with_typemod(type, typmod));
	return *reason == NULL ? relid : InvalidOid;
}

void
ehds_check_domain(const char *text, Oid relid, AttrNumber attno)
{
	Oid type;
	int32 typmod;
	Oid collation;
	EhdsDomain *d;

	get_atttypetypmodcoll(relid, attno, &type, &typmod, &collation);
	d = ehds_read_domain(text, type, typmod);
	if (d->schema == NULL)
		require_distinct(d, collation);
	else if (ehds_catalog_present())
	{
		char *reason;
		AttrNumber source;

		if (!OidIsValid(ehds_domain_source(d, &source, &reason)))
			ereport(NOTICE, (errmsg("the domain of column \"%s\" can't be used yet: %s",
									get_attname(relid, attno, false), reason),
							 errdetail("Queries that need it are refused until that is so.")));
	}
}

EhdsDomain *
ehds_declared_domain(Oid relid, AttrNumber attno)
{
	EhdsLabel label = ehds_column_label(relid, attno);
	Oid type;
	int32 typmod;
	Oid collation;

	if (label.domain == NULL)
		return NULL;
	get_atttypetypmodcoll(relid, attno, &type, &typmod, &collation);
	return ehds_read_domain(label.domain, type, typmod);
}

/* domain_source_problem(relation, column_number): why a declared domain can't be used */
Datum
ehds_domain_source_problem(PG_FUNCTION_ARGS)
{
	EhdsDomain *d = ehds_declared_domain(PG_GETARG_OID(0), PG_GETARG_INT32(1));
	AttrNumber source;
	char *reason = NULL;

	if (d != NULL && d->schema != NULL)
		(void) ehds_domain_source(d, &source, &reason);
	if (reason == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(reason));
}
