/*
 * collect.c
 *		The state of ehds.dp_collect in memory.
 *
 * What the map has of a subject are max_groups words, the groups that are kept, and
 * behind them n_words words of measures for each:
 * the upper half of a word is the upper half of the pair's hash, the lower half
 * the number of the group + 1; 0 is a free place, and all free places are behind
 * the others. Where upper halves are equal the whole hash decides, computed
 * again, and then the group's key. Which groups are kept so depends on the pairs
 * alone, not on their order or on who saw them.
 *
 * Rows wait in a queue while their subject's entry is on its way from memory, as
 * in kanon/k_add.h.
 *
 * A state that has reached its limit writes what it holds to temporary files, by
 * hash of the subject, and begins anew. Later each file is read into a state of
 * its own, which may do the same again. No subject is in two files, so the groups
 * of the parts are counted one part after the other and added up by whoever reads
 * them. Neither a message nor the plan tells that this happened.
 */
#include "dp/collect.h"

#include "miscadmin.h"
#include "utils/memutils.h"

static const ExpandedObjectMethods collect_methods = {ehds_collect_flat_size, ehds_collect_flatten};

/* how many rows may pass until the limit is looked at */
#define CHECK_EVERY 1024

static inline int
total_size(const Collect *c)
{
	return c->kind.max_groups * (1 + c->kind.n_words) * (int) sizeof(uint64);
}

static void
start_data(Collect *c)
{
	c->until_check = 1;
	c->generation++;
	c->arena.context = c->data;
	c->arena.block = NULL;
	c->arena.left = 0;
	ehds_subject_map_init(&c->map, c->kind.subject, total_size(c));
	ehds_group_dict_init(&c->dict, c->data);
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
	start_data(c);
	return c;
}

void
ehds_collect_sizes(CollectKind *kind)
{
	kind->n_words = 0;
	kind->with_values = false;
	for (int i = 0; i < kind->n_measures; i++)
	{
		kind->n_words += ehds_measure_words(&kind->measures[i]);
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

/* A group that the subject is not known to be in, while all places are taken: its place, -1 for none. */
static pg_attribute_always_inline int
replace_last(Collect *c, const SubjectKey *key, uint64 *kept, uint64 word)
{
	int last = 0;

	for (int i = 1; i < c->kind.max_groups; i++)
	{
		uint32 high = (uint32) (kept[i] >> 32);
		uint32 most = (uint32) (kept[last] >> 32);

		if (high > most ||
			(unlikely(high == most) && comes_after(c, key, COLLECT_GROUP(kept[i]), COLLECT_GROUP(kept[last]))))
			last = i;
	}
	if ((uint32) (word >> 32) < (uint32) (kept[last] >> 32) ||
		(unlikely((uint32) (word >> 32) == (uint32) (kept[last] >> 32)) &&
		 comes_after(c, key, COLLECT_GROUP(kept[last]), COLLECT_GROUP(word))))
	{
		kept[last] = word;
		memset((int64 *) ehds_collect_measures(c, kept, last), 0, c->kind.n_words * sizeof(int64));
		return last;
	}
	return -1;
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
	uint64 word;
	int i;

	for (i = 0; i < max_groups && kept[i] != 0; i++)
		if ((uint32) kept[i] == group + 1)
		{
			add_measures(c, kept, i, measures);
			return;
		}
	word = ehds_pair_hash(c, key, c->dict.groups[group].digest);
	word = (word & UINT64CONST(0xffffffff00000000)) | (group + 1);
	if (i < max_groups)
		kept[i] = word;
	else
		i = replace_last(c, key, kept, word);
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

/* Beyond the limit ---------------------------------------------------------------- */

void
ehds_collect_check_limit(Collect *c)
{
	Size allocated = MemoryContextMemAllocated(c->data, false);
	uint32 room = c->map.capacity - c->map.n;
	/* what growing would add: twice as many entries and slots beside the old ones */
	Size growth = (Size) c->map.capacity * 2 * (c->map.stride + 2 * sizeof(uint64));

	if (allocated > c->limit || (room <= COLLECT_PENDING && allocated + growth > c->limit && c->map.n > 0))
	{
		ehds_collect_spill(c);
		return;
	}
	c->until_check = (room <= COLLECT_PENDING + 1) ? 1 : Min(CHECK_EVERY, room - COLLECT_PENDING);
}

/* The subjects of a file are those of one remainder, another at each level. */
static BufFile *
part_of(Collect *c, uint32 hash)
{
	uint64 mixed = ehds_mix64((uint64) (c->level + 1) << 32 | hash);
	BufFile **part = &c->parts[mixed % COLLECT_PARTS];

	if (*part == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(c->context);

		*part = BufFileCreateTemp(false);
		MemoryContextSwitchTo(old);
	}
	return *part;
}

static void
put(BufFile *file, const void *bytes, Size n)
{
	BufFileWrite(file, (void *) bytes, n);
}

/* A record is a subject (length, bytes), the number of its groups, and each (words, measures). */
void
ehds_collect_spill(Collect *c)
{
	ehds_collect_settle(c);
	c->spilled = true;
	for (uint32 i = 0; i < c->map.n; i++)
	{
		const uint64 *kept = ehds_collect_kept(c, i);
		SubjectKey key;
		BufFile *file;
		uint32 length;
		uint32 n = 0;

		CHECK_FOR_INTERRUPTS();
		ehds_collect_key(c, i, &key);
		file = part_of(c, key.hash);
		length = (c->kind.subject == K_SUBJECT_TEXT) ? TEXT_LENGTH(key.words) : c->map.key_size;
		put(file, &length, sizeof(length));
		put(file, c->kind.subject == K_SUBJECT_TEXT ? ehds_subject_bytes(key.words) : (char *) key.words,
			length);
		while (n < c->kind.max_groups && kept[n] != 0)
			n++;
		put(file, &n, sizeof(n));
		for (uint32 j = 0; j < n; j++)
		{
			const KeyGroup *group = &c->dict.groups[COLLECT_GROUP(kept[j])];

			put(file, &group->n_words, sizeof(group->n_words));
			put(file, group->words, (Size) group->n_words * sizeof(uint64));
			put(file, ehds_collect_measures(c, kept, (int) j), c->kind.n_words * sizeof(int64));
		}
	}
	MemoryContextReset(c->data);
	start_data(c);
}

/* False at the end of the file, which is an error if it comes inside a record. */
static bool
get(BufFile *file, void *bytes, Size n, bool may_end)
{
	size_t read = BufFileRead(file, bytes, n);

	if (read == 0 && may_end)
		return false;
	if (read != n)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not read a temporary file of a bounded count")));
	return true;
}

static void
read_part(Collect *part, BufFile *file)
{
	char *bytes = palloc(sizeof(SubjectKey));
	Size size = sizeof(SubjectKey);
	uint64 *words = palloc(sizeof(uint64));
	Size words_size = sizeof(uint64);
	uint32 groups[EHDS_COLLECT_MAX_GROUPS];
	int64 *measures = palloc((Size) part->kind.max_groups * part->kind.n_words * sizeof(int64) + 1);
	Size measures_size = part->kind.n_words * sizeof(int64);
	uint32 length;

	if (BufFileSeek(file, 0, 0, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not rewind a temporary file of a bounded count")));
	while (get(file, &length, sizeof(length), true))
	{
		SubjectKey key;
		uint32 n;

		CHECK_FOR_INTERRUPTS();
		if (length > size)
			bytes = repalloc(bytes, size = length);
		get(file, bytes, length, length == 0);
		if (part->kind.subject == K_SUBJECT_TEXT)
			ehds_key_of_text(&key, bytes, length);
		else
		{
			memcpy(key.words, bytes, length);
			if (part->kind.subject == K_SUBJECT_INT)
				ehds_key_of_int(&key, (int64) key.words[0]);
			else
				key.hash = (uint32) ehds_mix64(key.words[0] ^ ehds_mix64(key.words[1]));
		}
		ehds_collect_make_room(part);
		get(file, &n, sizeof(n), false);
		Assert(n <= EHDS_COLLECT_MAX_GROUPS);
		for (uint32 i = 0; i < n; i++)
		{
			uint32 n_words;

			get(file, &n_words, sizeof(n_words), false);
			if (n_words * sizeof(uint64) > words_size)
				words = repalloc(words, words_size = n_words * sizeof(uint64));
			get(file, words, n_words * sizeof(uint64), false);
			groups[i] = ehds_collect_group(part, words, n_words);
			get(file, (char *) measures + i * measures_size, measures_size, measures_size == 0);
		}
		ehds_collect_add_groups(part, &key, groups, measures, n);
	}
	pfree(measures);
	pfree(bytes);
	pfree(words);
}

void
ehds_collect_visit(Collect *c, CollectVisit visit, void *arg)
{
	ehds_collect_settle(c);
	if (!c->spilled)
	{
		visit(c, arg);
		return;
	}
	if (c->consumed)
		elog(ERROR, "a bounded count is read twice");
	ehds_collect_spill(c);
	c->consumed = true;
	for (int i = 0; i < COLLECT_PARTS; i++)
	{
		Collect *part;

		if (c->parts[i] == NULL)
			continue;
		part = ehds_collect_new(c->context, &c->kind, c->limit);
		part->level = c->level + 1;
		/* subjects that still are together have one hash, and are few */
		if (part->level == COLLECT_LEVELS)
			part->limit = SIZE_MAX;
		read_part(part, c->parts[i]);
		BufFileClose(c->parts[i]);
		c->parts[i] = NULL;
		ehds_collect_visit(part, visit, arg);
		MemoryContextDelete(part->context);
	}
}
