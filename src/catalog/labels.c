/*
 * labels.c
 *		The security labels of pg_ehds: which strings may stand on which objects.
 *
 * Labels say what a column is (identifier, quasi-identifier, sensitive,
 * professional-identifier), which range or domain of values it has, and that a
 * table is public.
 * The check looks at the string and the object's kind, and for public at the
 * declarations too: PostgreSQL calls it whichever way the statement is written.
 * pg_dump restores labels before the rows of the declarations, so that nothing
 * is in the way of a restore.
 *
 * DROP EXTENSION would leave the labels behind, and a later restore of the
 * database would fail on them; so they are removed when the extension goes.
 */
#include "core/compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_seclabel.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/seclabel.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/rel.h"

#include "catalog/catalog_cache.h"
#include "catalog/domain.h"
#include "catalog/label_text.h"
#include "catalog/labels.h"
#include "core/errors.h"

/* longest number in a range: more digits than any grid of 64 bits needs */
#define NUMBER_LEN 40

static object_access_hook_type next_object_access = NULL;

/*
 * Reads digits[.digits] with an optional sign at *pos and moves *pos past it.
 * A point counts only with a digit behind it, so that "0..500" reads as 0.
 */
static bool
read_number(const char **pos, Datum *value)
{
	const char *p = *pos;
	char digits[NUMBER_LEN + 1];
	size_t len;

	if (*p == '-' || *p == '+')
		p++;
	if (*p < '0' || *p > '9')
		return false;
	while (*p >= '0' && *p <= '9')
		p++;
	if (p[0] == '.' && p[1] >= '0' && p[1] <= '9')
	{
		p++;
		while (*p >= '0' && *p <= '9')
			p++;
	}
	len = p - *pos;
	if (len > NUMBER_LEN)
		return false;
	memcpy(digits, *pos, len);
	digits[len] = '\0';
	*value = DirectFunctionCall3(numeric_in, CStringGetDatum(digits), ObjectIdGetDatum(InvalidOid),
								 Int32GetDatum(-1));
	*pos = p;
	return true;
}

/* Skips word at *pos, if it is there. */
static bool
read_word(const char **pos, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*pos, word, len) != 0)
		return false;
	*pos += len;
	return true;
}

/* "range a..b" or "range a..b step s", with a < b and s > 0 */
static void
check_range(const char *label)
{
	const char *p = label;
	Datum low, high, step;
	bool stepped = false;

	if (!read_word(&p, "range ") || !read_number(&p, &low) || !read_word(&p, "..") || !read_number(&p, &high) ||
		(*p != '\0' && !(stepped = read_word(&p, " step ") && read_number(&p, &step))) || *p != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"%s\" is not a range", label),
				 errhint(
					 "Write \"range a..b\" or \"range a..b step s\" with plain numbers, as in \"range 0..500 step 0.1\"; for dates, \"range 1900-01-01..2029-12-31\".")));
	if (!DatumGetBool(DirectFunctionCall2(numeric_lt, low, high)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the lower bound of \"%s\" is not below the upper one", label)));
	if (stepped)
	{
		Datum zero = DirectFunctionCall1(int4_numeric, Int32GetDatum(0));

		if (!DatumGetBool(DirectFunctionCall2(numeric_gt, step, zero)))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("the step of \"%s\" is not above 0", label)));
	}
}

/* YYYY-MM-DD at *pos, whatever DateStyle is */
static bool
read_date(const char **pos, DateADT *date)
{
	static const char form[] = "0000-00-00";
	int number[3] = {0};
	int part = 0;
	int year, month, day;

	for (const char *f = form; *f != '\0'; f++, (*pos)++)
	{
		if (*f == '-' ? **pos != '-' : **pos < '0' || **pos > '9')
			return false;
		if (*f == '-')
			part++;
		else
			number[part] = number[part] * 10 + (**pos - '0');
	}
	if (number[0] < 1 || number[1] < 1 || number[1] > 12)
		return false;
	*date = date2j(number[0], number[1], number[2]) - POSTGRES_EPOCH_JDATE;
	j2date(*date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	return year == number[0] && month == number[1] && day == number[2];
}

bool
ehds_label_dates(const char *label, DateADT *first, DateADT *last)
{
	const char *p = label;

	return read_word(&p, "range ") && read_date(&p, first) && read_word(&p, "..") && read_date(&p, last) &&
		   *p == '\0' && *first < *last;
}

static bool
is_date_type(Oid type)
{
	return type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

static bool
is_number_type(Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			return true;
		default:
			return false;
	}
}

static void
check_column_label(const ObjectAddress *object, const char *label)
{
	EhdsLabel parts;

	if (!ehds_split_label(label, &parts))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"%s\" is not a label for a column", label),
				 errhint(
					 "Labels for columns are identifier, quasi-identifier, sensitive, professional-identifier, \"range a..b step s\" and \"domain ...\", or one of the first and these in this order, with commas between them.")));
	if (parts.range != NULL)
	{
		DateADT first;
		DateADT last;
		bool dates = ehds_label_dates(parts.range, &first, &last);
		Oid type = getBaseType(get_atttype(object->objectId, object->objectSubId));

		if (!dates)
			check_range(parts.range);
		if (dates ? !is_date_type(type) : !is_number_type(type))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg(dates ? "a range of dates is for columns of dates and timestamps, and column \"%s\" is of type %s"
								  : "a range is for columns of numbers, and column \"%s\" is of type %s",
							get_attname(object->objectId, object->objectSubId, false),
							format_type_be(get_atttype(object->objectId, object->objectSubId)))));
	}
	if (parts.domain != NULL)
		ehds_check_domain(parts.domain, object->objectId, object->objectSubId);
}

static const char *
qualified_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

/* The nearest protected table among the relation and those that it is a partition or child of. */
static Oid
protected_ancestor(Oid relid)
{
	List *todo = list_make1_oid(relid);
	ListCell *cell;

	/* grows while it is read */
	foreach(cell, todo)
	{
		Oid one = lfirst_oid(cell);
		Relation inherits;
		SysScanDesc scan;
		ScanKeyData key;
		HeapTuple tuple;

		if (ehds_is_protected(one))
			return one;
		inherits = table_open(InheritsRelationId, AccessShareLock);
		ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(one));
		scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, NULL, 1, &key);
		while (HeapTupleIsValid(tuple = systable_getnext(scan)))
			todo = list_append_unique_oid(todo, ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
		systable_endscan(scan);
		table_close(inherits, AccessShareLock);
	}
	return InvalidOid;
}

/* A protected table is not public, nor what holds rows of one, nor what is read together with one. */
static void
check_public(Oid relid)
{
	Oid other;
	ListCell *cell;

	if (!ehds_catalog_present())
		return;
	other = protected_ancestor(relid);
	if (other == relid)
		ereport(ERROR, (errcode(ERRCODE_EHDS_DECLARATION),
						errmsg("table %s is protected and cannot be public", qualified_name(relid)),
						errhint("Withdraw the protection first with ehds.unprotect().")));
	if (OidIsValid(other))
		ereport(ERROR, (errcode(ERRCODE_EHDS_DECLARATION),
						errmsg("table %s holds rows of a protected table and cannot be public",
							   qualified_name(relid)),
						errdetail("It is a partition or child of %s.", qualified_name(other))));
	foreach(cell, find_all_inheritors(relid, NoLock, NULL))
	{
		other = lfirst_oid(cell);
		if (ehds_is_protected(other))
			ereport(ERROR, (errcode(ERRCODE_EHDS_DECLARATION),
							errmsg("table %s is read with a protected table and cannot be public",
								   qualified_name(relid)),
							errdetail("Its child %s is protected.", qualified_name(other))));
	}
}

/* The provider's check; label is NULL when one is removed, which is always allowed. */
static void
check_label(const ObjectAddress *object, const char *label)
{
	char kind;

	/* plans that were made with the label as it was are made anew */
	if (object->classId == RelationRelationId)
		CacheInvalidateRelcacheByRelid(object->objectId);
	if (label == NULL)
		return;
	if (object->classId != RelationRelationId)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("pg_ehds has labels for tables and columns only")));

	kind = get_rel_relkind(object->objectId);
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE && kind != RELKIND_FOREIGN_TABLE &&
		kind != RELKIND_MATVIEW)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" holds no data of its own and takes no label of pg_ehds",
							   get_rel_name(object->objectId)),
						errhint("A view is looked through: label the tables that it reads.")));

	if (object->objectSubId != 0)
		check_column_label(object, label);
	else if (strcmp(label, "public") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"%s\" is not a label for a table", label),
				 errhint(
					 "The label for a table is \"public\": no row of it is about a person. Tables about persons are declared with ehds.protect().")));
	else
		check_public(object->objectId);
}

/* Removes every label of ours in this database. */
static void
forget_labels(void)
{
	Relation labels = table_open(SecLabelRelationId, RowExclusiveLock);
	SysScanDesc scan = systable_beginscan(labels, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool isnull;
		Datum provider = heap_getattr(tuple, Anum_pg_seclabel_provider, RelationGetDescr(labels), &isnull);

		if (!isnull && strcmp(TextDatumGetCString(provider), EHDS_LABEL_PROVIDER) == 0)
			CatalogTupleDelete(labels, &tuple->t_self);
	}
	systable_endscan(scan);
	table_close(labels, RowExclusiveLock);
}

static void
on_object_access(ObjectAccessType access, Oid classId, Oid objectId, int subId, void *arg)
{
	if (next_object_access)
		next_object_access(access, classId, objectId, subId, arg);

	if (access == OAT_DROP && classId == ExtensionRelationId)
	{
		char *name = get_extension_name(objectId);

		if (name != NULL && strcmp(name, "pg_ehds") == 0)
			forget_labels();
	}
}

void
ehds_labels_init(void)
{
	register_label_provider(EHDS_LABEL_PROVIDER, check_label);
	next_object_access = object_access_hook;
	object_access_hook = on_object_access;
}
