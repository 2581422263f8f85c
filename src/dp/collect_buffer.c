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
 * Integers and uuids are buffered, without measures or with a few words that add
 * up; other states have a map from the start.
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
	return (kind->subject == K_SUBJECT_INT || kind->subject == K_SUBJECT_UUID) && !kind->with_values &&
		   kind->n_words <= EHDS_BUFFER_WORDS_MAX;
}

void
ehds_buffer_start(Collect *c)
{
	c->buffers = MemoryContextAllocZero(c->data, COLLECT_BUFFERS * sizeof(CollectBuffer));
	c->buffer_limit = c->limit / 4;
	c->buffer_free = 0;
	c->form = (c->kind.subject == K_SUBJECT_INT) ? RECORD_SMALL : RECORD_UUID;
}

static pg_noinline void
add_chunk(Collect *c, CollectBuffer *buffer)
{
	BufferChunk *last = buffer->last;
	Size bytes = FIRST_BYTES;
	BufferChunk *chunk;

	if (last != NULL)
		bytes = Min(CHUNK_BYTES, pg_nextpower2_32(last->capacity * ehds_record_size(&c->kind, c->form)) * 2);
	chunk = MemoryContextAlloc(c->data, bytes);
	c->buffer_free -= Min(c->buffer_free, bytes);
	chunk->next = NULL;
	chunk->n = 0;
	chunk->capacity = (uint32) ((bytes - offsetof(BufferChunk, records)) / ehds_record_size(&c->kind, c->form));
	if (last == NULL)
		buffer->first = chunk;
	else
		last->next = chunk;
	buffer->last = chunk;
}

static pg_attribute_always_inline void
add_record(const Collect *c, CollectBuffer *buffer, RecordForm form, const uint64 *words, uint32 group,
		   const void *measures)
{
	BufferChunk *chunk = buffer->last;
	char *record = chunk->records + chunk->n * ehds_record_size(&c->kind, form);

	ehds_record_put(form, record, words, group);
	memcpy(record + ehds_record_head(form), measures, c->kind.n_words * sizeof(int64));
	chunk->n++;
	buffer->n++;
}

static void
give_back(Collect *c, BufferChunk *chunk, RecordForm form)
{
	c->buffer_free += offsetof(BufferChunk, records) + chunk->capacity * ehds_record_size(&c->kind, form);
	pfree(chunk);
}

/* From now on records have room for all integers and numbers. */
static pg_noinline void
widen(Collect *c)
{
	c->form = RECORD_INT;
	for (int i = 0; i < COLLECT_BUFFERS; i++)
	{
		CollectBuffer *buffer = &c->buffers[i];
		BufferChunk *chunk = buffer->first;
		BufferChunk *next;

		memset(buffer, 0, sizeof(CollectBuffer));
		for (; chunk != NULL; chunk = next)
		{
			for (uint32 j = 0; j < chunk->n; j++)
			{
				const char *record = chunk->records + j * ehds_record_size(&c->kind, RECORD_SMALL);
				uint64 word;
				uint32 group = ehds_record_get(RECORD_SMALL, record, &word);

				if (buffer->last == NULL || buffer->last->n == buffer->last->capacity)
					add_chunk(c, buffer);
				add_record(c, buffer, RECORD_INT, &word, group, record + ehds_record_head(RECORD_SMALL));
			}
			next = chunk->next;
			give_back(c, chunk, RECORD_SMALL);
		}
	}
}

void
ehds_buffer_add(Collect *c, const SubjectKey *key, uint32 group, const int64 *measures)
{
	CollectBuffer *buffer = &c->buffers[ehds_buffer_of(key->hash)];

	if (c->form == RECORD_SMALL && unlikely(!ehds_record_is_small(key->words[0], group)))
		widen(c);
	if (unlikely(buffer->last == NULL || buffer->last->n == buffer->last->capacity))
		add_chunk(c, buffer);
	if (c->form == RECORD_SMALL)
		add_record(c, buffer, RECORD_SMALL, key->words, group, measures);
	else if (c->form == RECORD_INT)
		add_record(c, buffer, RECORD_INT, key->words, group, measures);
	else
		add_record(c, buffer, RECORD_UUID, key->words, group, measures);
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
			ehds_collect_add_records(subjects, c->form, chunk->records, chunk->n);
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
			add_record(c, buffer, c->form, ehds_subject_words(&subjects->map, i), COLLECT_GROUP(kept[j]),
					   ehds_collect_measures(subjects, kept, j));
		}
	}
	rest = buffer->last->next;
	buffer->last->next = NULL;
	while ((chunk = rest) != NULL)
	{
		rest = chunk->next;
		give_back(c, chunk, c->form);
	}
}

/* Keep the pairs that each subject keeps, once. */
void
ehds_buffer_unite(Collect *c)
{
	ehds_buffer_each(c, keep_pairs, NULL);
}
