/*
 * k_subjects.c
 *		Visits the subjects in a state of ehds.k_subjects.
 */
#include "core/compat.h"

#include "miscadmin.h"

#include "kanon/k_state.h"
#include "kanon/k_subjects.h"

uint32
ehds_k_subjects_visit(Datum datum, EhdsSubjectVisitor visit, void *arg)
{
	KState *state = ehds_k_state_read(datum);
	EhdsSubject subject = {state->subject, 0, NULL, 0};
	uint32 n;

	if (state->kind != K_COUNT)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid ehds.k_state: it belongs to another aggregate")));
	n = ehds_k_state_subjects(state);
	if (K_USES_INTS(state))
	{
		IntSetWalk walk;
		uint32 visited = 0;

		ehds_int_set_compact(&state->ints, &state->shared->scratch);
		ehds_int_set_walk(&walk, &state->ints);
		while (ehds_int_set_next(&walk, &subject.integer))
		{
			if (visited++ % 65536 == 0)
				CHECK_FOR_INTERRUPTS();
			visit(&subject, arg);
		}
		Assert(visited == n);
		return n;
	}
	for (uint32 i = 0; i < n; i++)
	{
		const uint64 *words = ehds_subject_words(&state->map, i);
		uint64 halves[2];

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (state->subject == K_SUBJECT_TEXT)
		{
			subject.bytes = ehds_subject_bytes(words);
			subject.length = TEXT_LENGTH(words);
		}
		else
		{
			halves[0] = pg_hton64(words[0]);
			halves[1] = pg_hton64(words[1]);
			subject.bytes = (const char *) halves;
			subject.length = sizeof(halves);
		}
		visit(&subject, arg);
	}
	return n;
}
