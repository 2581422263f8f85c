/*
 * collect_spill.c
 *		What a state of ehds.dp_collect does when it is full.
 *
 * A state that has reached its limit writes what it holds to temporary files, by
 * hash of the subject, and begins anew. Later each file is read into a state of
 * its own, which may do the same again. No subject is in two files, so the groups
 * of the parts are counted one part after the other and added up by whoever reads
 * them. Neither a message nor the plan tells that this happened.
 *
 * Where each row is a subject of its own, the files are by hash of the group.
 */
#include "dp/collect.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* how many rows may pass until the limit is looked at */
#define CHECK_EVERY 1024

/* What came more than once is looked for first; if that leaves half of the memory, it is enough for a while. */
static void
check_buffers(Collect *c, Size allocated)
{
	c->until_check = CHECK_EVERY;
	allocated -= Min(allocated, c->buffer_free);
	if (allocated <= c->buffer_limit)
		return;
	ehds_buffer_unite(c);
	allocated = MemoryContextMemAllocated(c->data, false);
	allocated -= Min(allocated, c->buffer_free);
	c->buffer_limit = Max(c->limit / 4, allocated + allocated / 2);
	if (allocated > c->limit / 2)
		ehds_collect_spill(c);
}

/* Of groups alone growing makes twice as many in the dictionary and of their counts. */
static void
check_tally(Collect *c, Size allocated)
{
	bool full = c->dict.capacity - c->dict.n <= CHECK_EVERY;
	Size growth = (Size) c->dict.capacity * (sizeof(KeyGroup) + 8 * sizeof(uint32) + ehds_tally_size(c));

	c->until_check = CHECK_EVERY;
	if (c->dict.n > 0 && (allocated > c->limit || (full && allocated + growth > c->limit)))
		ehds_collect_spill(c);
}

void
ehds_collect_check_limit(Collect *c)
{
	Size allocated = MemoryContextMemAllocated(c->data, false);
	uint32 room = c->map.capacity - c->map.n;
	/* what growing would add: twice as many entries and slots beside the old ones */
	Size growth = (Size) c->map.capacity * 2 * (c->map.stride + 2 * sizeof(uint64));

	if (c->kind.subject == COLLECT_EACH_ROW)
	{
		check_tally(c, allocated);
		return;
	}
	if (c->buffering)
	{
		check_buffers(c, allocated);
		return;
	}
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

static void
put_group(BufFile *file, const KeyGroup *group)
{
	put(file, &group->n_words, sizeof(group->n_words));
	put(file, group->words, (Size) group->n_words * sizeof(uint64));
}

/* A record is a subject (length, bytes), the number of its groups, and each (words, measures). */
static void
spill_subjects(Collect *c, const Collect *subjects)
{
	for (uint32 i = 0; i < subjects->map.n; i++)
	{
		const uint64 *kept = ehds_collect_kept(subjects, i);
		SubjectKey key;
		BufFile *file;
		uint32 length;
		uint32 n = 0;

		CHECK_FOR_INTERRUPTS();
		ehds_collect_key(subjects, i, &key);
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

			put_group(file, group);
			put(file, ehds_collect_measures(subjects, kept, (int) j), c->kind.n_words * sizeof(int64));
		}
	}
}

static void
spill_buffer(Collect *c, CollectBuffer *buffer, Collect *subjects, void *arg)
{
	spill_subjects(c, subjects);
}

/* A record is a group, its count and its sums: all those of a group are in one file. */
static void
spill_tally(Collect *c)
{
	for (uint32 i = 0; i < c->n_tallied; i++)
	{
		const KeyGroup *group = &c->dict.groups[i];
		BufFile *file;

		CHECK_FOR_INTERRUPTS();
		if (c->counts[i] == 0)
			continue;
		file = part_of(c, group->hash);
		put_group(file, group);
		put(file, &c->counts[i], sizeof(int64));
		put(file, ehds_tally_sums(c, i), c->kind.n_statistics * sizeof(int128));
	}
}

void
ehds_collect_spill(Collect *c)
{
	if (c->kind.subject == COLLECT_EACH_ROW)
		spill_tally(c);
	else if (c->buffering)
		ehds_buffer_each(c, spill_buffer, NULL);
	else
	{
		ehds_collect_settle(c);
		spill_subjects(c, c);
	}
	c->spilled = true;
	MemoryContextReset(c->data);
	ehds_collect_start(c);
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
read_tally(Collect *part, BufFile *file)
{
	uint64 *words = palloc(sizeof(uint64));
	Size words_size = sizeof(uint64);
	int128 sums[EHDS_COLLECT_MAX_WORDS];
	uint32 n_words;

	while (get(file, &n_words, sizeof(n_words), true))
	{
		int64 count;

		CHECK_FOR_INTERRUPTS();
		if (n_words * sizeof(uint64) > words_size)
			words = repalloc(words, words_size = n_words * sizeof(uint64));
		get(file, words, n_words * sizeof(uint64), false);
		get(file, &count, sizeof(count), false);
		get(file, sums, part->kind.n_statistics * sizeof(int128), part->kind.n_statistics == 0);
		ehds_collect_make_room(part);
		ehds_tally_unite(part, ehds_collect_group(part, words, n_words), count, sums);
	}
	pfree(words);
}

static void
read_subjects(Collect *part, BufFile *file)
{
	char *bytes = palloc(sizeof(SubjectKey));
	Size size = sizeof(SubjectKey);
	uint64 *words = palloc(sizeof(uint64));
	Size words_size = sizeof(uint64);
	uint32 groups[EHDS_COLLECT_MAX_GROUPS];
	int64 *measures = palloc((Size) part->kind.max_groups * part->kind.n_words * sizeof(int64) + 1);
	Size measures_size = part->kind.n_words * sizeof(int64);
	uint32 length;

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

static void
read_part(Collect *part, BufFile *file)
{
	if (BufFileSeek(file, 0, 0, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not rewind a temporary file of a bounded count")));
	if (part->kind.subject == COLLECT_EACH_ROW)
		read_tally(part, file);
	else
		read_subjects(part, file);
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
