/*
 * collect_buffer.c
 *		Rows of a state that is to be united with others, in buffers.
 *
 * A worker meets nearly as many subjects as one process would, and a table of them
 * that is larger than the caches would be built by each worker and once more by who
 * unites them. So the pairs of subject and group are put in buffers by the hash of
 * the subject, and become tables that fit into the caches, one buffer at a time:
 * when a worker hands over its pairs, each once; when the buffers take too much
 * memory; and when the groups are counted.
 *
 * Integers and uuids without measures are buffered; other states have a map from
 * the start.
 */
#include "dp/collect.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

/* bytes of the first chunk of a buffer, and of all that come after some */
#define FIRST_BYTES 256
#define CHUNK_BYTES 8192

bool
ehds_collect_may_buffer(const CollectKind *kind)
{
	return (kind->subject == K_SUBJECT_INT || kind->subject == K_SUBJECT_UUID) && kind->n_measures == 0;
}

void
ehds_buffer_start(Collect *c)
{
	c->buffers = MemoryContextAllocZero(c->data, COLLECT_BUFFERS * sizeof(CollectBuffer));
	c->buffer_limit = c->limit / 4;
	c->buffer_free = 0;
}

static pg_noinline void
add_chunk(Collect *c, CollectBuffer *buffer)
{
	BufferChunk *last = buffer->last;
	Size bytes = FIRST_BYTES;
	BufferChunk *chunk;

	if (last != NULL)
		bytes = Min(CHUNK_BYTES, pg_nextpower2_32(last->capacity * ehds_record_size(c)) * 2);
	chunk = MemoryContextAlloc(c->data, bytes);
	c->buffer_free -= Min(c->buffer_free, bytes);
	chunk->next = NULL;
	chunk->n = 0;
	chunk->capacity = (uint32) ((bytes - offsetof(BufferChunk, records)) / ehds_record_size(c));
	if (last == NULL)
		buffer->first = chunk;
	else
		last->next = chunk;
	buffer->last = chunk;
}

char *
ehds_buffer_room(Collect *c, CollectBuffer *buffer, uint32 n, uint32 *room)
{
	if (unlikely(buffer->last == NULL || buffer->last->n == buffer->last->capacity))
		add_chunk(c, buffer);
	*room = Min(n, buffer->last->capacity - buffer->last->n);
	return buffer->last->records + buffer->last->n * ehds_record_size(c);
}

static pg_attribute_always_inline void
add_record(CollectBuffer *buffer, const uint64 *words, Size key_size, uint32 group)
{
	char *record = buffer->last->records + buffer->last->n * (key_size + sizeof(uint32));

	memcpy(record, words, key_size);
	memcpy(record + key_size, &group, sizeof(uint32));
	ehds_buffer_added(buffer, 1);
}

void
ehds_buffer_add(Collect *c, const SubjectKey *key, uint32 group)
{
	CollectBuffer *buffer = &c->buffers[ehds_buffer_of(key->hash)];

	if (unlikely(buffer->last == NULL || buffer->last->n == buffer->last->capacity))
		add_chunk(c, buffer);
	if (c->kind.subject == K_SUBJECT_INT)
		add_record(buffer, key->words, sizeof(uint64), group);
	else
		add_record(buffer, key->words, 2 * sizeof(uint64), group);
}

void
ehds_buffer_each(Collect *c, BufferVisit visit, void *arg)
{
	Collect *subjects = ehds_collect_new(CurrentMemoryContext, &c->kind, SIZE_MAX);

	subjects->dict = c->dict;
	for (int i = 0; i < COLLECT_BUFFERS; i++)
	{
		CollectBuffer *buffer = &c->buffers[i];

		CHECK_FOR_INTERRUPTS();
		if (buffer->n == 0)
			continue;
		ehds_subject_map_empty(&subjects->map);
		for (BufferChunk *chunk = buffer->first; chunk != NULL; chunk = chunk->next)
			ehds_collect_add_records(subjects, chunk->records, chunk->n);
		visit(c, buffer, subjects, arg);
	}
	MemoryContextDelete(subjects->context);
}

static void
keep_pairs(Collect *c, CollectBuffer *buffer, Collect *subjects, void *arg)
{
	BufferChunk *chunk = buffer->first;
	BufferChunk *rest;

	/* there are no more pairs than before, so the chunks are enough */
	buffer->last = chunk;
	chunk->n = 0;
	buffer->n = 0;
	for (uint32 i = 0; i < subjects->map.n; i++)
	{
		const uint64 *kept = ehds_collect_kept(subjects, i);

		for (int j = 0; j < c->kind.max_groups && kept[j] != 0; j++)
		{
			if (buffer->last->n == buffer->last->capacity)
			{
				buffer->last = buffer->last->next;
				buffer->last->n = 0;
			}
			add_record(buffer, ehds_subject_words(&subjects->map, i), c->map.key_size, COLLECT_GROUP(kept[j]));
		}
	}
	rest = buffer->last->next;
	buffer->last->next = NULL;
	while ((chunk = rest) != NULL)
	{
		rest = chunk->next;
		c->buffer_free += offsetof(BufferChunk, records) + chunk->capacity * ehds_record_size(c);
		pfree(chunk);
	}
}

/* Keep the pairs that each subject keeps, once. */
void
ehds_buffer_unite(Collect *c)
{
	ehds_buffer_each(c, keep_pairs, NULL);
}

static void
count_pairs(Collect *c, CollectBuffer *buffer, Collect *subjects, void *arg)
{
	int64 *counts = arg;

	for (uint32 i = 0; i < subjects->map.n; i++)
	{
		const uint64 *kept = ehds_collect_kept(subjects, i);

		for (int j = 0; j < c->kind.max_groups && kept[j] != 0; j++)
			counts[COLLECT_GROUP(kept[j])]++;
	}
}

/* Add the numbers of subjects that are kept in each group. */
void
ehds_buffer_count(Collect *c, int64 *counts)
{
	ehds_buffer_each(c, count_pairs, counts);
}
