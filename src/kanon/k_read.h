/*
 * k_read.h
 *		Reading the flat form of ehds.k_state, field by field; see k_flat.h for the form.
 */
#ifndef EHDS_K_READ_H
#define EHDS_K_READ_H

#include "core/compat.h"

#include "kanon/k_state.h"

/* no sum of int64 that fits into a server comes near */
#define EHDS_K_TOTAL_LIMIT ((int128) 1 << 110)

/* how many integers to read at once */
#define EHDS_K_READ_INTS 512

#define ehds_k_invalid(what) \
	ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid ehds.k_state: %s", what)))

/* A flat form while it is read; the first fields are those of its header. */
typedef struct KReader
{
	const unsigned char *at;
	const unsigned char *end;
	int kind;
	int subject;
	int value;
	bool settled;
	int32 k;
	uint64 n;       /* subjects in all */
	KValues values; /* arrays are not used */
	uint64 read;    /* subjects read */
	SubjectKey key; /* the last one read */
	SubjectTotal total;
	int bears;
	uint64 borne[K_VALUES_MAX]; /* of two or three values: by how many subjects */
} KReader;

/* Each of these raises an error at whatever can't have been written by k_flat.c. */

/* Everything before the subjects. */
extern void ehds_k_read_header(KReader *reader, const char *data, Size length);
/* The next integers of which nothing else is known, most at once; returns how many. */
extern int ehds_k_read_ints(KReader *reader, int64 *members, int most);
/* The next of all other subjects, into key, total and bears; false if there is none. */
extern bool ehds_k_read_next(KReader *reader);
/* Row n of K_PERCENTILE, given the one before it; returns the subject. */
extern uint32 ehds_k_read_row(KReader *reader, uint64 n, double *value, uint32 *subject);
/* Nothing may follow. */
extern void ehds_k_read_end(KReader *reader);

#endif /* EHDS_K_READ_H */
