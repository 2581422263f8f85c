/*
 * collect.c
 *		The state of ehds.dp_collect in memory.
 *
 * What the map has of a subject are max_groups words, the groups that are kept, and
 * behind them n_words words of measures for each:
 * the lower half of a word is the number of the group + 1, the upper half that of
 * the pair's hash, once a subject has been in more groups than there are places:
 * before that it is 0. A word of 0 is a free place, and all free places are behind
 * the others. Where upper halves are equal the whole hash decides, computed
 * again, and then the group's key. Which groups are kept so depends on the pairs
 * alone, not on their order or on who saw them.
 *
 * Rows wait in a queue while their subject's entry is on its way from memory, as
 * in kanon/k_add.h.
 */
#include "dp/collect.h"

#include "utils/memutils.h"

static const ExpandedObjectMethods collect_methods = {ehds_collect_flat_size, ehds_collect_flatten};

static inline int
total_size(const Collect *c)
{
	return c->kind.max_groups * (1 + c->kind.n_words) * (int) sizeof(uint64);
}

void
ehds_collect_start(Collect *c)
{
	c->until_check = 1;
	c->generation++;
	c->arena.context = c->data;
	c->arena.block = NULL;
	c->arena.left = 0;
	ehds_subject_map_init(&c->map, c->kind.subject, total_size(c));
	ehds_group_dict_init(&c->dict, c->data);
	c->counts = NULL;
	c->sums = NULL;
	c->n_tallied = 0;
	if (c->buffering)
		ehds_buffer_start(c);
}

Collect *
ehds_collect_new(MemoryContext parent, const CollectKind *kind, Size limit)
{
	MemoryContext context = AllocSetContextCreate(parent, "ehds.dp_collect", ALLOCSET_DEFAULT_SIZES);
	Collect *c = MemoryContextAllocZero(context, sizeof(Collect));

	EOH_init_header(&c->header, &collect_methods, context);
	c->kind = *kind;
	c->context = context;
	c->data = AllocSetContextCreate(context, "ehds.dp_collect data", ALLOCSET_DEFAULT_SIZES);
	c->limit = limit;
	if (kind->n_words > 0)
		c->pending_words = MemoryContextAlloc(context, COLLECT_PENDING * kind->n_words * sizeof(int64));
	ehds_collect_start(c);
	return c;
}

void
ehds_collect_sizes(CollectKind *kind)
{
	kind->n_words = 0;
	kind->n_statistics = 0;
	kind->with_values = false;
	for (int i = 0; i < kind->n_measures; i++)
	{
		kind->n_words += ehds_measure_words(&kind->measures[i]);
		kind->n_statistics += ehds_measure_n_statistics(&kind->measures[i]);
		kind->with_values = kind->with_values || kind->measures[i].kind >= MEASURE_VALUES;
	}
	if (kind->n_words > EHDS_COLLECT_MAX_WORDS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many private aggregates in one query"),
				 errhint("Ask several queries, or for fewer rows a person.")));
}

bool
ehds_collect_is_expanded(Datum state)
{
	return VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(state)) &&
		   DatumGetEOHP(state)->eoh_methods == &collect_methods;
}

uint64
ehds_pair_hash(const Collect *c, const SubjectKey *key, uint64 digest)
{
	if (c->kind.subject == K_SUBJECT_INT)
		return ehds_prf_pair(&c->kind.hash_key, digest, key->words[0]);
	if (c->kind.subject == K_SUBJECT_UUID)
		return ehds_prf_bytes(&c->kind.hash_key, digest, key->words, 2 * sizeof(uint64));
	return ehds_prf_bytes(&c->kind.hash_key, digest, ehds_subject_bytes(key->words), TEXT_LENGTH(key->words));
}

/* Does the pair with group a come after the one with b, whose words have equal upper halves? */
static pg_noinline bool
comes_after(const Collect *c, const SubjectKey *key, uint32 a, uint32 b)
{
	const KeyGroup *x = &c->dict.groups[a];
	const KeyGroup *y = &c->dict.groups[b];
	uint64 hash_x = ehds_pair_hash(c, key, x->digest);
	uint64 hash_y = ehds_pair_hash(c, key, y->digest);

	if (hash_x != hash_y)
		return hash_x > hash_y;
	return ehds_group_compare(x, y) > 0;
}

/*
 * Give a word whose hash is not known yet its upper half.  One that is zero by
 * chance is computed again each time, and is the same each time.
 */
static void
hash_words(Collect *c, const SubjectKey *key, uint64 *words, int n)
{
	uint64 digests[EHDS_COLLECT_MAX_GROUPS + 1];
	int missing[EHDS_COLLECT_MAX_GROUPS + 1];
	int n_missing = 0;

	for (int i = 0; i < n; i++)
		if (words[i] >> 32 == 0)
		{
			digests[n_missing] = c->dict.groups[COLLECT_GROUP(words[i])].digest;
			missing[n_missing++] = i;
		}
	if (c->kind.subject == K_SUBJECT_INT)
		ehds_prf_pairs(&c->kind.hash_key, digests, n_missing, key->words[0]);
	else
		for (int i = 0; i < n_missing; i++)
			digests[i] = ehds_pair_hash(c, key, digests[i]);
	for (int i = 0; i < n_missing; i++)
		words[missing[i]] |= digests[i] & UINT64CONST(0xffffffff00000000);
}

/* A group that the subject is not known to be in, while all places are taken: its place, -1 for none. */
static pg_noinline int
replace_last(Collect *c, const SubjectKey *key, uint64 *kept, uint64 word)
{
	int max_groups = c->kind.max_groups;
	uint64 words[EHDS_COLLECT_MAX_GROUPS + 1];
	int last = max_groups;

	memcpy(words, kept, max_groups * sizeof(uint64));
	words[max_groups] = word;
	hash_words(c, key, words, max_groups + 1);
	for (int i = 0; i < max_groups; i++)
	{
		uint32 high = (uint32) (words[i] >> 32);
		uint32 most = (uint32) (words[last] >> 32);

		if (high > most || (unlikely(high == most) &&
							comes_after(c, key, COLLECT_GROUP(words[i]), COLLECT_GROUP(words[last]))))
			last = i;
	}
	memcpy(kept, words, max_groups * sizeof(uint64));
	if (last == max_groups)
		return -1;
	kept[last] = words[max_groups];
	memset((int64 *) ehds_collect_measures(c, kept, last), 0, c->kind.n_words * sizeof(int64));
	return last;
}

static inline void
add_measures(Collect *c, uint64 *kept, int n, const int64 *measures)
{
	int64 *sums = (int64 *) ehds_collect_measures(c, kept, n);

	if (unlikely(c->kind.with_values))
	{
		for (int i = 0; i < c->kind.n_measures; i++)
		{
			ehds_measure_unite(&c->kind.measures[i], sums, measures);
			sums += ehds_measure_words(&c->kind.measures[i]);
			measures += ehds_measure_words(&c->kind.measures[i]);
		}
		return;
	}
	for (int i = 0; i < c->kind.n_words; i++)
		sums[i] = ehds_add_saturating(sums[i], measures[i]);
}

static pg_attribute_always_inline void
add_pair(Collect *c, const SubjectKey *key, uint64 *kept, uint32 group, const int64 *measures)
{
	int max_groups = c->kind.max_groups;
	int i;

	for (i = 0; i < max_groups && kept[i] != 0; i++)
		if ((uint32) kept[i] == group + 1)
		{
			add_measures(c, kept, i, measures);
			return;
		}
	if (i < max_groups)
		kept[i] = group + 1;
	else
		i = replace_last(c, key, kept, group + 1);
	if (i >= 0)
		add_measures(c, kept, i, measures);
}

/* The kept groups of a subject; new ones have none. */
static pg_attribute_always_inline uint64 *
enter(Collect *c, KSubject subject, const SubjectKey *key)
{
	bool fresh;
	uint32 entry = ehds_subject_enter(&c->map, &c->arena, subject, key, &fresh);
	uint64 *kept = (uint64 *) ehds_subject_total(&c->map, entry);

	if (fresh)
		memset(kept, 0, total_size(c));
	return kept;
}

static pg_attribute_always_inline void
add_now(Collect *c, KSubject subject, const SubjectKey *key, uint32 group, const int64 *measures)
{
	add_pair(c, key, enter(c, subject, key), group, measures);
}

static inline int64 *
pending_words(Collect *c, uint32 n)
{
	return c->pending_words + (Size) (n % COLLECT_PENDING) * c->kind.n_words;
}

void
ehds_collect_settle(Collect *c)
{
	c->n_half = c->n_put;
	while (c->n_added != c->n_put)
	{
		uint32 n = c->n_added++;
		CollectPending *p = &c->pending[n % COLLECT_PENDING];

		add_now(c, c->kind.subject, &p->key, p->group, pending_words(c, n));
	}
}

void
ehds_collect_add(Collect *c, const SubjectKey *key, uint32 group, const int64 *measures)
{
	CollectPending *p;

	if (c->buffering)
	{
		ehds_buffer_add(c, key, group, measures);
		return;
	}
	if (c->kind.subject == K_SUBJECT_TEXT && TEXT_IS_LONG(key->words))
	{
		add_now(c, K_SUBJECT_TEXT, key, group, measures);
		return;
	}
	for (int i = 0; i < c->kind.n_words; i++)
		pending_words(c, c->n_put)[i] = measures[i];
	p = &c->pending[c->n_put++ % COLLECT_PENDING];
	p->key = *key;
	p->group = group;
	ehds_subject_prefetch_slot(&c->map, key->hash);

	if (c->n_put - c->n_half == COLLECT_PENDING / 2)
	{
		p = &c->pending[c->n_half++ % COLLECT_PENDING];
		ehds_subject_prefetch_entry(&c->map, p->key.hash);
	}
	if (c->n_put - c->n_added == COLLECT_PENDING)
	{
		uint32 n = c->n_added++;

		p = &c->pending[n % COLLECT_PENDING];
		if (c->kind.subject == K_SUBJECT_INT)
			add_now(c, K_SUBJECT_INT, &p->key, p->group, pending_words(c, n));
		else
			add_now(c, c->kind.subject, &p->key, p->group, pending_words(c, n));
	}
}

void
ehds_collect_add_groups(Collect *c, const SubjectKey *key, const uint32 *groups, const int64 *measures, int n)
{
	uint64 *kept = enter(c, c->kind.subject, key);

	for (int i = 0; i < n; i++)
		add_pair(c, key, kept, groups[i], measures + (Size) i * c->kind.n_words);
}

static pg_attribute_always_inline void
add_records(Collect *c, KSubject subject, RecordForm form, const char *records, uint32 n)
{
	const uint32 head = ehds_record_head(form);
	const uint32 size = ehds_record_size(&c->kind, form);
	int64 measures[EHDS_BUFFER_WORDS_MAX];
	SubjectKey key;
	uint64 *kept = NULL;

	for (uint32 i = 0; i < n; i++, records += size)
	{
		uint64 words[2];
		uint32 group = ehds_record_get(form, records, words);

		/* those of a subject that were united stand beside each other */
		if (kept == NULL || words[0] != key.words[0] || (form == RECORD_UUID && words[1] != key.words[1]))
		{
			memcpy(key.words, words, form == RECORD_UUID ? 2 * sizeof(uint64) : sizeof(uint64));
			key.hash = ehds_hash_of_words(subject, key.words);
			kept = enter(c, subject, &key);
		}
		memcpy(measures, records + head, size - head);
		add_pair(c, &key, kept, group, measures);
	}
}

void
ehds_collect_add_records(Collect *c, RecordForm form, const char *records, uint32 n)
{
	if (form == RECORD_SMALL)
		add_records(c, K_SUBJECT_INT, RECORD_SMALL, records, n);
	else if (form == RECORD_INT)
		add_records(c, K_SUBJECT_INT, RECORD_INT, records, n);
	else
		add_records(c, K_SUBJECT_UUID, RECORD_UUID, records, n);
}

void
ehds_collect_add_words(Collect *c, const SubjectKey *key, const uint64 *words, const int64 *measures, int n)
{
	uint64 *kept = enter(c, c->kind.subject, key);

	for (int i = 0; i < n; i++)
	{
		int j = 0;

		while (j < c->kind.max_groups && kept[j] != 0 && (uint32) kept[j] != (uint32) words[i])
			j++;
		if (j == c->kind.max_groups)
			j = replace_last(c, key, kept, words[i]);
		else
			kept[j] = words[i];
		if (j >= 0)
			add_measures(c, kept, j, measures + (Size) i * c->kind.n_words);
	}
}

void
ehds_collect_key(const Collect *c, uint32 entry, SubjectKey *key)
{
	const uint64 *words = ehds_subject_words(&c->map, entry);

	if (c->kind.subject == K_SUBJECT_INT)
		ehds_key_of_int(key, (int64) words[0]);
	else if (c->kind.subject == K_SUBJECT_UUID)
	{
		key->words[0] = words[0];
		key->words[1] = words[1];
		key->hash = (uint32) ehds_mix64(words[0] ^ ehds_mix64(words[1]));
	}
	else
	{
		memcpy(key->words, words, sizeof(key->words));
		key->hash = (uint32) (words[0] >> 32);
	}
}
