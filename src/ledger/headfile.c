/*
 * headfile.c
 *		A note outside of the table of how far the ledger had got.
 *
 * A chain can't tell that its last links are gone.  While the server runs, its
 * shared memory knows; for the time after a restart there is this file, one
 * record per database in pg_ehds/<database oid>.head in the data directory.  It
 * is advice for ehds.verify_ledger() and nothing else: if it is absent or
 * unreadable nothing stops, and it is never synced to disk.
 *
 * It only ever notes entries whose WAL is on disk, so neither a crash nor the
 * loss of unflushed entries makes it say more than the table after recovery.
 * A base backup copies it at some moment before the backup's end, and recovery
 * has to reach that end, so a restored server's table is at least as long as
 * the note.  The exceptions are what it is for: entries that were removed, and a
 * table put back from an older state under a running note.  Whoever finds such
 * a state legitimate removes the file.
 *
 * It holds no secret, and its checksum protects from accidents only: a forger
 * who can write to the data directory can put back an older file.
 */
#include "ledger/headfile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"

#define HEAD_DIR "pg_ehds"
#define HEAD_MAGIC 0x45484c31 /* EHL1 */

typedef struct HeadRecord
{
	uint32 magic;
	Oid relid;
	int64 seq;
	uint8 mac[EHDS_HMAC_LEN];
	uint32 unused; /* no padding in what the checksum covers */
	pg_crc32c crc;
} HeadRecord;

static pg_crc32c
checksum(const HeadRecord *record)
{
	pg_crc32c crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, record, offsetof(HeadRecord, crc));
	FIN_CRC32C(crc);
	return crc;
}

static void
head_path(char *path, Oid dboid)
{
	snprintf(path, MAXPGPATH, HEAD_DIR "/%u.head", dboid);
}

/* The virtual file descriptors of fd.c need a transaction; a COMMIT callback has none. */
bool
ehds_headfile_read(Oid dboid, Oid relid, int64 *seq, uint8 mac[EHDS_HMAC_LEN])
{
	char path[MAXPGPATH];
	HeadRecord record;
	int fd;
	bool ok;

	head_path(path, dboid);
	fd = BasicOpenFile(path, O_RDONLY | PG_BINARY);
	if (fd < 0)
		return false;
	ok = read(fd, &record, sizeof(record)) == sizeof(record);
	close(fd);
	if (!ok || record.magic != HEAD_MAGIC || record.relid != relid || record.crc != checksum(&record))
		return false;
	*seq = record.seq;
	memcpy(mac, record.mac, EHDS_HMAC_LEN);
	return true;
}

void
ehds_headfile_write(Oid dboid, Oid relid, int64 seq, const uint8 mac[EHDS_HMAC_LEN])
{
	char path[MAXPGPATH];
	HeadRecord record;
	int fd;

	memset(&record, 0, sizeof(record));
	record.magic = HEAD_MAGIC;
	record.relid = relid;
	record.seq = seq;
	memcpy(record.mac, mac, EHDS_HMAC_LEN);
	record.crc = checksum(&record);

	head_path(path, dboid);
	fd = BasicOpenFile(path, O_WRONLY | O_CREAT | PG_BINARY);
	if (fd < 0 && errno == ENOENT && (MakePGDirectory(HEAD_DIR) == 0 || errno == EEXIST))
		fd = BasicOpenFile(path, O_WRONLY | O_CREAT | PG_BINARY);
	if (fd < 0 || write(fd, &record, sizeof(record)) != sizeof(record))
		ereport(LOG, (errcode_for_file_access(), errmsg("could not write file \"%s\": %m", path)));
	if (fd >= 0)
		close(fd);
}

void
ehds_headfile_remove(Oid dboid)
{
	char path[MAXPGPATH];

	head_path(path, dboid);
	(void) unlink(path);
}
