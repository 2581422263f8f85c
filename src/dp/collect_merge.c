/*
 * collect_merge.c
 *		Adding all that one state of ehds.dp_collect holds to another.
 *
 * The other is in memory or flat (collect_flat.c). Of a flat one everything is
 * checked that a reader would trust, though none comes from outside.
 */
#include "dp/collect.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

/* how many subjects wait for their entries */
#define MERGE_AHEAD 16

/* Reading ------------------------------------------------------------------------- */

typedef struct Reader
{
	const char *at;
	const char *end;
} Reader;

static void
invalid(void)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid ehds.dp_state")));
}

static inline const char *
take(Reader *r, Size n)
{
	const char *at = r->at;

	if ((Size) (r->end - r->at) < n)
		invalid();
	r->at += n;
	return at;
}

static inline uint32
take32(Reader *r)
{
	uint32 value;

	memcpy(&value, take(r, sizeof(value)), sizeof(value));
	return value;
}

static void
read_kind(Reader *r, CollectKind *kind)
{
	memset(kind, 0, sizeof(CollectKind));
	if (*take(r, 1) != FLAT_VERSION)
		invalid();
	kind->subject = (KSubject) *take(r, 1);
	kind->max_groups = (int32) take32(r);
	memcpy(kind->hash_key.bytes, take(r, EHDS_PRF_KEY_LEN), EHDS_PRF_KEY_LEN);
	kind->n_keys = (int32) take32(r);
	if (kind->subject < COLLECT_EACH_ROW || kind->subject > K_SUBJECT_TEXT || kind->max_groups < 1 ||
		kind->max_groups > EHDS_COLLECT_MAX_GROUPS || kind->n_keys < 1 || kind->n_keys > EHDS_COLLECT_MAX_KEYS)
		invalid();
	for (int i = 0; i < kind->n_keys; i++)
		kind->types[i] = take32(r);
	kind->n_measures = (int32) take32(r);
	if (kind->n_measures < 0 || kind->n_measures > EHDS_COLLECT_MAX_MEASURES)
		invalid();
	memcpy(kind->measures, take(r, kind->n_measures * sizeof(Measure)), kind->n_measures * sizeof(Measure));
	for (int i = 0; i < kind->n_measures; i++)
		ehds_measure_check(&kind->measures[i]);
	ehds_collect_sizes(kind);
}

/* Merging ------------------------------------------------------------------------- */

typedef struct MergeItem
{
	SubjectKey key;
	uint32 n;
	uint64 words[EHDS_COLLECT_MAX_GROUPS]; /* with numbers of the source */
	int64 *measures;
} MergeItem;

typedef struct SourceGroup
{
	const uint64 *words;
	uint32 n_words;
	uint32 number; /* here, + 1; 0: not yet known */
} SourceGroup;

typedef struct Merge
{
	Collect *c;
	uint32 generation; /* for which the numbers hold */
	SourceGroup *groups;
	uint32 n_groups;
	uint32 n_put;
	uint32 n_half;
	uint32 n_added;
	int64 *measures; /* of the items */
	MergeItem items[MERGE_AHEAD];
} Merge;

static void
merge_groups(Merge *m, uint32 n)
{
	m->n_groups = n;
	m->groups = MemoryContextAllocHuge(CurrentMemoryContext, Max(n, 1) * sizeof(SourceGroup));
	m->generation = m->c->generation;
}

/* Before subjects or buffers are added, which may void the numbers of groups. */
static inline void
merge_room(Merge *m)
{
	ehds_collect_make_room(m->c);
	if (unlikely(m->generation != m->c->generation))
	{
		for (uint32 i = 0; i < m->n_groups; i++)
			m->groups[i].number = 0;
		m->generation = m->c->generation;
	}
}

static inline uint32
merge_group(Merge *m, SourceGroup *group)
{
	if (unlikely(group->number == 0))
		group->number = ehds_collect_group(m->c, group->words, group->n_words) + 1;
	return group->number;
}

static void
merge_add(Merge *m, MergeItem *item)
{
	merge_room(m);
	for (uint32 i = 0; i < item->n; i++)
	{
		uint32 number = merge_group(m, &m->groups[COLLECT_GROUP(item->words[i])]);

		item->words[i] = (item->words[i] & UINT64CONST(0xffffffff00000000)) | number;
	}
	if (m->c->buffering)
		for (uint32 i = 0; i < item->n; i++)
			ehds_buffer_add(m->c, &item->key, COLLECT_GROUP(item->words[i]),
							item->measures + (Size) i * m->c->kind.n_words);
	else
		ehds_collect_add_words(m->c, &item->key, item->words, item->measures, item->n);
}

/* The next item to fill; an old one is added to make it free. */
static inline MergeItem *
merge_next(Merge *m)
{
	if (m->n_put - m->n_added == MERGE_AHEAD)
		merge_add(m, &m->items[m->n_added++ % MERGE_AHEAD]);
	return &m->items[m->n_put++ % MERGE_AHEAD];
}

static inline void
merge_filled(Merge *m, MergeItem *item)
{
	ehds_subject_prefetch_slot(&m->c->map, item->key.hash);
	if (m->n_put - m->n_half == MERGE_AHEAD / 2)
		ehds_subject_prefetch_entry(&m->c->map, m->items[m->n_half++ % MERGE_AHEAD].key.hash);
}

static void
merge_end(Merge *m)
{
	while (m->n_added != m->n_put)
		merge_add(m, &m->items[m->n_added++ % MERGE_AHEAD]);
	m->n_half = m->n_put;
	pfree(m->groups);
}

static void
check_item(const Merge *m, const uint64 *words, uint32 n)
{
	for (uint32 i = 0; i < n; i++)
		if (COLLECT_GROUP(words[i]) >= m->n_groups)
			invalid();
}

static void
merge_records(Merge *m, RecordForm form, const char *records, uint64 n)
{
	Collect *c = m->c;
	uint32 head = ehds_record_head(form);
	uint32 size = ehds_record_size(&c->kind, form);
	int64 measures[EHDS_BUFFER_WORDS_MAX];

	for (; n > 0; n--, records += size)
	{
		SubjectKey key;
		uint32 group = ehds_record_get(form, records, key.words);

		if (group >= m->n_groups)
			invalid();
		key.hash = ehds_hash_of_words(c->kind.subject, key.words);
		memcpy(measures, records + head, size - head);
		merge_room(m);
		ehds_buffer_add(c, &key, COLLECT_GROUP(merge_group(m, &m->groups[group])), measures);
	}
}

/*
 * The first block of an empty state is taken as it is, if there is room for it:
 * its groups get the numbers that they have.
 */
static bool
load_block(Merge *m, const char *entries, Size size, uint32 n)
{
	Collect *c = m->c;
	Size stride = c->map.stride;
	Size needed = (Size) pg_nextpower2_32(Max(n, 1)) * (stride + 2 * sizeof(uint64));

	if (c->buffering || c->map.n > 0 || c->dict.n > 0 || c->spilled || n > PG_INT32_MAX / 4 ||
		needed > c->limit / 2)
		return false;
	if (size < n * stride)
		invalid();
	for (uint32 i = 0; i < m->n_groups; i++)
		if (ehds_collect_group(c, m->groups[i].words, m->groups[i].n_words) != i)
			invalid();
	ehds_subject_map_load(&c->map, &c->arena, c->kind.subject, entries, n);
	for (uint32 i = 0; i < n; i++)
	{
		const uint64 *kept = ehds_collect_kept(c, i);
		uint32 n_kept = 0;

		while (n_kept < c->kind.max_groups && kept[n_kept] != 0)
			n_kept++;
		check_item(m, kept, n_kept);
	}
	c->until_check = 1;
	return true;
}

static void
merge_tally(Collect *part, void *arg)
{
	Collect *c = ((Merge *) arg)->c;

	for (uint32 i = 0; i < part->dict.n; i++)
	{
		const KeyGroup *group = &part->dict.groups[i];

		CHECK_FOR_INTERRUPTS();
		ehds_collect_make_room(c);
		ehds_tally_unite(c, ehds_collect_group(c, group->words, group->n_words), part->counts[i],
						 ehds_tally_sums(part, i));
	}
}

static void
merge_part(Collect *part, void *arg)
{
	Merge *m = arg;

	merge_groups(m, part->dict.n);
	for (uint32 i = 0; i < part->dict.n; i++)
	{
		m->groups[i].words = part->dict.groups[i].words;
		m->groups[i].n_words = part->dict.groups[i].n_words;
		m->groups[i].number = 0;
	}
	if (part->buffering)
	{
		for (uint32 i = 0; i < COLLECT_BUFFERS; i++)
			for (BufferChunk *chunk = part->buffers[i].first; chunk != NULL; chunk = chunk->next)
				merge_records(m, part->form, chunk->records, chunk->n);
		merge_end(m);
		return;
	}
	if (part->kind.subject != K_SUBJECT_TEXT &&
		load_block(m, part->map.entries, (Size) part->map.n * part->map.stride, part->map.n))
	{
		merge_end(m);
		return;
	}
	for (uint32 i = 0; i < part->map.n; i++)
	{
		MergeItem *item = merge_next(m);
		const uint64 *kept = ehds_collect_kept(part, i);

		CHECK_FOR_INTERRUPTS();
		ehds_collect_key(part, i, &item->key);
		for (item->n = 0; item->n < part->kind.max_groups && kept[item->n] != 0; item->n++)
			item->words[item->n] = kept[item->n];
		memcpy(item->measures, ehds_collect_measures(part, kept, 0),
			   (Size) item->n * part->kind.n_words * sizeof(int64));
		merge_filled(m, item);
	}
	merge_end(m);
}

static void
read_item(Merge *m, Reader *r)
{
	MergeItem *item = merge_next(m);
	KSubject subject = m->c->kind.subject;
	const char *measures;

	CHECK_FOR_INTERRUPTS();
	if (subject == K_SUBJECT_TEXT)
	{
		uint32 length = take32(r);

		ehds_key_of_text(&item->key, take(r, length), length);
		item->n = (uint8) *take(r, 1);
		if (item->n > m->c->kind.max_groups)
			invalid();
		memcpy(item->words, take(r, item->n * sizeof(uint64)), item->n * sizeof(uint64));
		measures = take(r, (Size) item->n * m->c->kind.n_words * sizeof(int64));
	}
	else
	{
		const char *entry = take(r, m->c->map.stride);

		memcpy(item->key.words, entry, m->c->map.key_size);
		if (subject == K_SUBJECT_INT)
			ehds_key_of_int(&item->key, (int64) item->key.words[0]);
		else
			item->key.hash = (uint32) ehds_mix64(item->key.words[0] ^ ehds_mix64(item->key.words[1]));
		memcpy(item->words, entry + m->c->map.key_size, m->c->kind.max_groups * sizeof(uint64));
		measures = entry + m->c->map.key_size + m->c->kind.max_groups * sizeof(uint64);
		item->n = 0;
		while (item->n < m->c->kind.max_groups && item->words[item->n] != 0)
			item->n++;
	}
	check_item(m, item->words, item->n);
	memcpy(item->measures, measures, (Size) item->n * m->c->kind.n_words * sizeof(int64));
	merge_filled(m, item);
}

static void
read_tally(Merge *m, Reader *r)
{
	Collect *c = m->c;
	int64 count;
	int128 sums[EHDS_COLLECT_MAX_WORDS];

	for (uint32 i = 0; i < m->n_groups; i++)
	{
		CHECK_FOR_INTERRUPTS();
		memcpy(&count, take(r, sizeof(count)), sizeof(count));
		memcpy(sums, take(r, c->kind.n_statistics * sizeof(int128)), c->kind.n_statistics * sizeof(int128));
		ehds_collect_make_room(c);
		ehds_tally_unite(c, ehds_collect_group(c, m->groups[i].words, m->groups[i].n_words), count, sums);
	}
}

static void
merge_block(Merge *m, Reader *r)
{
	uint32 n = take32(r);
	KSubject subject = m->c->kind.subject;
	uint32 n_subjects;
	MemoryContext words_context;

	/* each group takes four bytes at least */
	if (n > (Size) (r->end - r->at) / sizeof(uint32))
		invalid();
	words_context = AllocSetContextCreate(CurrentMemoryContext, "ehds.dp_collect merge",
										  ALLOCSET_DEFAULT_SIZES);
	merge_groups(m, n);
	for (uint32 i = 0; i < n; i++)
	{
		uint32 n_words = take32(r);
		const char *bytes = take(r, (Size) n_words * sizeof(uint64));
		uint64 *words = MemoryContextAlloc(words_context, Max(n_words, 1) * sizeof(uint64));

		memcpy(words, bytes, (Size) n_words * sizeof(uint64));
		m->groups[i].words = words;
		m->groups[i].n_words = n_words;
		m->groups[i].number = 0;
	}
	if (subject == COLLECT_EACH_ROW)
	{
		read_tally(m, r);
		merge_end(m);
		MemoryContextDelete(words_context);
		return;
	}
	n_subjects = take32(r);
	if (n_subjects == FLAT_BUFFERS)
	{
		uint32 form = take32(r);

		if (!m->c->buffering || form >= RECORD_FORMS || (form == RECORD_UUID) != (subject == K_SUBJECT_UUID))
			invalid();
		for (uint32 i = 0; i < COLLECT_BUFFERS; i++)
		{
			uint64 n_records;

			memcpy(&n_records, take(r, sizeof(n_records)), sizeof(n_records));
			if (n_records > (Size) (r->end - r->at) / ehds_record_size(&m->c->kind, form))
				invalid();
			CHECK_FOR_INTERRUPTS();
			merge_records(m, form, take(r, n_records * ehds_record_size(&m->c->kind, form)), n_records);
		}
	}
	else if (subject != K_SUBJECT_TEXT && load_block(m, r->at, (Size) (r->end - r->at), n_subjects))
		r->at += (Size) n_subjects * m->c->map.stride;
	else
		for (uint32 i = 0; i < n_subjects; i++)
			read_item(m, r);
	merge_end(m);
	MemoryContextDelete(words_context);
}

void
ehds_collect_kind_of(Datum state, CollectKind *kind)
{
	struct varlena *flat;
	Reader r;

	if (ehds_collect_is_expanded(state))
	{
		*kind = ((Collect *) DatumGetEOHP(state))->kind;
		return;
	}
	flat = PG_DETOAST_DATUM_PACKED(state);
	r.at = VARDATA_ANY(flat);
	r.end = r.at + VARSIZE_ANY_EXHDR(flat);
	read_kind(&r, kind);
}

/* Add all that another state of the same aggregate holds. */
void
ehds_collect_merge(Collect *c, Datum other)
{
	Merge *m = palloc0(sizeof(Merge));
	CollectKind kind;
	struct varlena *flat;
	Reader r;
	Size measures_size;

	ehds_collect_kind_of(other, &kind);
	if (memcmp(&kind, &c->kind, offsetof(CollectKind, types)) != 0 ||
		memcmp(kind.types, c->kind.types, kind.n_keys * sizeof(Oid)) != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid ehds.dp_state: it belongs to another aggregate")));
	m->c = c;
	measures_size = (Size) kind.max_groups * kind.n_words * sizeof(int64);
	m->measures = palloc(MERGE_AHEAD * measures_size + 1);
	for (int i = 0; i < MERGE_AHEAD; i++)
		m->items[i].measures = (int64 *) ((char *) m->measures + i * measures_size);
	ehds_collect_settle(c);
	if (ehds_collect_is_expanded(other))
		ehds_collect_visit((Collect *) DatumGetEOHP(other),
						   kind.subject == COLLECT_EACH_ROW ? merge_tally : merge_part, m);
	else
	{
		flat = PG_DETOAST_DATUM_PACKED(other);
		r.at = VARDATA_ANY(flat);
		r.end = r.at + VARSIZE_ANY_EXHDR(flat);
		read_kind(&r, &kind);
		while (r.at < r.end)
			merge_block(m, &r);
	}
	pfree(m->measures);
	pfree(m);
}
