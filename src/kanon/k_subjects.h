/*
 * k_subjects.h
 *		Who is in a cell: the subjects in a state of ehds.k_subjects.
 */
#ifndef EHDS_K_SUBJECTS_H
#define EHDS_K_SUBJECTS_H

#include "core/compat.h"

#include "kanon/subject_map.h"

/* A subject as it came: integer, or bytes of a text or of a uuid (16). */
typedef struct EhdsSubject
{
	KSubject type;
	int64 integer;
	const char *bytes;
	uint32 length;
} EhdsSubject;

typedef void (*EhdsSubjectVisitor)(const EhdsSubject *subject, void *arg);

/*
 * Call visit for each distinct subject of a state (in no promised order) and
 * return how many they are.  Raises if it is the state of another aggregate.
 */
extern uint32 ehds_k_subjects_visit(Datum state, EhdsSubjectVisitor visit, void *arg);

#endif /* EHDS_K_SUBJECTS_H */
