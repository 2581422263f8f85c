/*
 * label_text.c
 *		The parts of a column's label: see label_text.h.
 */
#include "core/compat.h"

#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "commands/seclabel.h"

#include "catalog/label_text.h"
#include "catalog/labels.h"

static const char *const roles[] = {"identifier", "quasi-identifier", "sensitive", "professional-identifier"};

bool
ehds_is_role(const char *word)
{
	for (int i = 0; i < lengthof(roles); i++)
	{
		if (strcmp(word, roles[i]) == 0)
			return true;
	}
	return false;
}

/* What stands at p before the next comma, or before the end. */
static char *
part_at(const char *p)
{
	size_t len = strcspn(p, ",");

	while (len > 0 && p[len - 1] == ' ')
		len--;
	return pnstrdup(p, len);
}

/* Behind the next comma and blanks; NULL at the end. */
static const char *
behind(const char *p)
{
	p += strcspn(p, ",");
	return *p == '\0' ? NULL : p + 1 + strspn(p + 1, " ");
}

bool
ehds_split_label(const char *label, EhdsLabel *parts)
{
	const char *p = label;
	char *first = part_at(p);

	memset(parts, 0, sizeof(EhdsLabel));
	if (ehds_is_role(first))
	{
		parts->role = first;
		p = behind(p);
	}
	if (p != NULL && strncmp(p, "range", 5) == 0)
	{
		parts->range = part_at(p);
		p = behind(p);
	}
	if (p != NULL && strncmp(p, "domain", 6) == 0)
	{
		parts->domain = pstrdup(p);
		p = NULL;
	}
	return p == NULL;
}

EhdsLabel
ehds_column_label(Oid relid, AttrNumber attno)
{
	EhdsLabel parts = {0};
	ObjectAddress column;
	char *label;

	ObjectAddressSubSet(column, RelationRelationId, relid, attno);
	label = GetSecurityLabel(&column, EHDS_LABEL_PROVIDER);
	if (label != NULL)
		(void) ehds_split_label(label, &parts);
	return parts;
}
