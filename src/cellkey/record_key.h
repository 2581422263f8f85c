/*
 * record_key.h
 *		Record keys of the subjects of a population, and the cell key they make.
 */
#ifndef EHDS_RECORD_KEY_H
#define EHDS_RECORD_KEY_H

#include "core/compat.h"

/* The keys of one population, ready for use; they are wiped with the memory context. */
typedef struct EhdsRecordKeys EhdsRecordKeys;

extern EhdsRecordKeys *ehds_record_keys_create(MemoryContext cxt, const char *population);

/*
 * The subjects of a state of ehds.k_subjects: how many (*n), and a number that is
 * uniform on 32 bits and depends on nothing but who they are.
 */
extern uint32 ehds_cell_key(EhdsRecordKeys *keys, Datum state, uint32 *n);

#endif /* EHDS_RECORD_KEY_H */
