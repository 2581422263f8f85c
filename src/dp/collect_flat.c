/*
 * collect_flat.c
 *		The flat form of a state of ehds.dp_collect.
 *
 * A state becomes flat where it leaves a worker. What a reader needs to know of
 * the aggregate comes first: version, type of subject, max_groups, key of the
 * hash, types of the group keys, measures. Then blocks up to the end, one for each
 * part of the state: its group keys (number of words, words), and its subjects with
 * their groups: integers and uuids as they are in memory, of a text its length and
 * bytes, the number of its groups, their words as in memory, and those of the
 * measures; of buffers their pairs; where each row is a subject of its own, counts
 * and sums of the groups. Numbers have the machine's order: no flat state leaves the
 * server, since the type has neither input nor send function.
 */
#include "dp/collect.h"

#include "miscadmin.h"
#include "utils/memutils.h"

typedef struct Flat
{
	char *data; /* NULL: only the length is asked for */
	Size length;
	Size size;
} Flat;

static void
too_large(void)
{
	ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					errmsg("a parallel worker cannot hand over a bounded count"),
					errhint("Set max_parallel_workers_per_gather to 0 for queries on tables of this size.")));
}

static void
put_bytes(Flat *flat, const void *bytes, Size n)
{
	if (flat->data != NULL && flat->size - flat->length < n)
	{
		Size size = Min(Max(flat->size * 2, flat->length + n), MaxAllocSize - VARHDRSZ);

		if (!AllocSizeIsValid(flat->length + n + VARHDRSZ))
			too_large();
		flat->data = repalloc(flat->data, size);
		flat->size = size;
	}
	if (flat->data != NULL)
		memcpy(flat->data + flat->length, bytes, n);
	flat->length += n;
}

static inline void
put32(Flat *flat, uint32 value)
{
	put_bytes(flat, &value, sizeof(value));
}

static void
put_block(Collect *part, void *arg)
{
	Flat *flat = arg;

	put32(flat, part->dict.n);
	for (uint32 i = 0; i < part->dict.n; i++)
	{
		put32(flat, part->dict.groups[i].n_words);
		put_bytes(flat, part->dict.groups[i].words, (Size) part->dict.groups[i].n_words * sizeof(uint64));
	}
	if (part->kind.subject == COLLECT_EACH_ROW)
	{
		for (uint32 i = 0; i < part->dict.n; i++)
		{
			put_bytes(flat, &part->counts[i], sizeof(int64));
			put_bytes(flat, ehds_tally_sums(part, i), part->kind.n_statistics * sizeof(int128));
		}
		return;
	}
	if (part->buffering)
	{
		put32(flat, FLAT_BUFFERS);
		put32(flat, part->form);
		for (int i = 0; i < COLLECT_BUFFERS; i++)
		{
			put_bytes(flat, &part->buffers[i].n, sizeof(uint64));
			for (BufferChunk *chunk = part->buffers[i].first; chunk != NULL; chunk = chunk->next)
				put_bytes(flat, chunk->records, chunk->n * ehds_record_size(&part->kind, part->form));
		}
		return;
	}
	put32(flat, part->map.n);
	if (part->kind.subject != K_SUBJECT_TEXT)
	{
		put_bytes(flat, part->map.entries, (Size) part->map.n * part->map.stride);
		return;
	}
	for (uint32 i = 0; i < part->map.n; i++)
	{
		const uint64 *words = ehds_subject_words(&part->map, i);
		const uint64 *kept = ehds_collect_kept(part, i);
		uint8 n = 0;

		CHECK_FOR_INTERRUPTS();
		put32(flat, TEXT_LENGTH(words));
		put_bytes(flat, ehds_subject_bytes(words), TEXT_LENGTH(words));
		while (n < part->kind.max_groups && kept[n] != 0)
			n++;
		put_bytes(flat, &n, 1);
		put_bytes(flat, kept, n * sizeof(uint64));
		put_bytes(flat, ehds_collect_measures(part, kept, 0), (Size) n * part->kind.n_words * sizeof(int64));
	}
}

static void
put_state(Collect *c, Flat *flat)
{
	uint8 small;

	small = FLAT_VERSION;
	put_bytes(flat, &small, 1);
	small = c->kind.subject;
	put_bytes(flat, &small, 1);
	put32(flat, (uint32) c->kind.max_groups);
	put_bytes(flat, c->kind.hash_key.bytes, EHDS_PRF_KEY_LEN);
	put32(flat, (uint32) c->kind.n_keys);
	for (int i = 0; i < c->kind.n_keys; i++)
		put32(flat, c->kind.types[i]);
	put32(flat, (uint32) c->kind.n_measures);
	put_bytes(flat, c->kind.measures, c->kind.n_measures * sizeof(Measure));
	ehds_collect_visit(c, put_block, flat);
}

/*
 * Buffers are large, and written where they go.  A state whose partitions have been
 * read can't be read again, so its flat form is kept.
 */
Size
ehds_collect_flat_size(ExpandedObjectHeader *header)
{
	Collect *c = (Collect *) header;
	Flat flat = {NULL, 0, 0};

	if (c->flat_size > 0)
		return VARHDRSZ + c->flat_size;
	if (c->buffering && !c->spilled)
		ehds_buffer_unite(c);
	else
	{
		/* without spilling, nearly what it will be */
		flat.size = Min((Size) c->map.n * c->map.stride + 64 * 1024, MaxAllocSize / 2);
		flat.data = MemoryContextAlloc(c->context, flat.size);
	}
	put_state(c, &flat);
	if (!AllocSizeIsValid(flat.length + VARHDRSZ))
		too_large();
	c->flat = flat.data;
	c->flat_size = flat.length;
	return VARHDRSZ + flat.length;
}

void
ehds_collect_flatten(ExpandedObjectHeader *header, void *result, Size size)
{
	Collect *c = (Collect *) header;
	Flat flat = {VARDATA(result), 0, size - VARHDRSZ};

	if (c->flat_size == 0 || size != VARHDRSZ + c->flat_size)
		elog(ERROR, "dp_state has changed while it was written");
	SET_VARSIZE(result, size);
	if (c->flat != NULL)
		memcpy(VARDATA(result), c->flat, c->flat_size);
	else
		put_state(c, &flat);
	Assert(c->flat != NULL || flat.length == c->flat_size);
}
