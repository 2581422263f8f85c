/*
 * keyring.c
 *		Keys derived from the master key, which only the server's process reads.
 *
 * The master key is the content of one file.  It is never in a table, a
 * setting's value, a query, a log or a dump, and not even in this process's
 * memory between two derivations: each derivation opens, checks and reads the
 * file and wipes its copy.  That costs some ten microseconds, once per query
 * and per ledger entry, and buys that a file which is replaced, removed or
 * opened to others is noticed at the next use, without a signal to anybody.
 *
 * The wrong key is noticed before its first use: ehds.key_version holds a check
 * value (derived with the use "check", so it tells nothing of the other keys)
 * for each version, and a backend compares whenever the file is not the one
 * (inode, size, times) that it compared last.
 *
 * Errors name the reason but never the path, which is for superusers only: the
 * server's log has it.
 */
#include "pseudonym/keyring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "core/errors.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#define KEY_FILE_MIN 32
#define KEY_FILE_MAX 4096
/* hexadecimal digits of a check value: 128 bits */
#define CHECK_DIGITS 32

/* The file that holds the master key; empty: none. */
static char *key_file = NULL;

/* What a registered key file looked like when it was compared last. */
typedef struct KeyFileState
{
	bool checked;
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
	struct timespec ctime;
} KeyFileState;

static KeyFileState last_checked;

PG_FUNCTION_INFO_V1(ehds_key_check);
PG_FUNCTION_INFO_V1(ehds_key_problem);

void
ehds_keyring_init(void)
{
	DefineCustomStringVariable("ehds.key_file", "File that holds the master key of pg_ehds.",
							   "A regular file of 32 to 4096 random bytes that belongs to the server's "
							   "user (mode 0600 or less) or to root (mode 0640 or less). A relative "
							   "path starts at the data directory. Keep it out of backups of the "
							   "database, and keep a copy: without it neither the ledger nor any "
							   "pseudonym can be continued.",
							   &key_file, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
}

/*
 * Read the master key into buf.  Returns NULL, or the reason why it can't be
 * used (buf is clean then).  The checks are made on the open file, so that
 * what was checked is what is read; a symbolic link is followed, since secrets
 * are often mounted behind one.
 */
static const char *
read_master_key(uint8 buf[KEY_FILE_MAX + 1], size_t *len, KeyFileState *state)
{
	const char *problem = NULL;
	struct stat st;
	int fd;
	ssize_t got = 0;

	*len = 0;
	if (key_file == NULL || key_file[0] == '\0')
		return "no key file is set";

	/* without O_NONBLOCK, a pipe without a writer would hold the backend */
	fd = OpenTransientFile(key_file, O_RDONLY | O_NONBLOCK | PG_BINARY);
	if (fd < 0)
		return errno == ENOENT ? "the key file does not exist" : "the key file can't be opened";

	if (fstat(fd, &st) != 0)
		problem = "the key file can't be examined";
	else if (!S_ISREG(st.st_mode))
		problem = "the key file is not a regular file";
	else if (st.st_uid != geteuid() && st.st_uid != 0)
		problem = "the key file belongs to another user than the server's or root";
	else if ((st.st_mode & S_IRWXO) != 0)
		problem = "the key file is open to other users";
	else if ((st.st_mode & (S_IWGRP | S_IXGRP)) != 0 || (st.st_uid != 0 && (st.st_mode & S_IRGRP) != 0))
		problem = "the key file is open to its group";
	else if (st.st_size < KEY_FILE_MIN)
		problem = "the key file is shorter than 32 bytes";
	else if (st.st_size > KEY_FILE_MAX)
		problem = "the key file is longer than 4096 bytes";
	else
	{
		/* one byte more than allowed, so that a file that grows is noticed */
		while (*len < KEY_FILE_MAX + 1 && (got = read(fd, buf + *len, KEY_FILE_MAX + 1 - *len)) > 0)
			*len += got;
		if (got < 0)
			problem = "the key file can't be read";
		else if (*len != st.st_size)
			problem = "the key file changed while it was read";
	}
	CloseTransientFile(fd);

	if (problem != NULL)
	{
		OPENSSL_cleanse(buf, KEY_FILE_MAX + 1);
		*len = 0;
		return problem;
	}

	memset(state, 0, sizeof(*state));
	state->dev = st.st_dev;
	state->ino = st.st_ino;
	state->size = st.st_size;
	state->mtime = st.st_mtim;
	state->ctime = st.st_ctim;
	return NULL;
}

static void
append_field(StringInfo buf, const char *data, int len)
{
	uint32 prefix = pg_hton32(len);

	appendBinaryStringInfo(buf, (const char *) &prefix, sizeof(prefix));
	appendBinaryStringInfo(buf, data, len);
}

static void
append_text(StringInfo buf, const char *s)
{
	char *utf8 = pg_server_to_any(s, strlen(s), PG_UTF8);

	append_field(buf, utf8, strlen(utf8));
}

/* RFC 5869 with an empty salt.  Returns false if OpenSSL fails. */
static bool
hkdf(const uint8 *master, size_t master_len, const char *info, int info_len, uint8 out[EHDS_KEY_LEN])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[4];
	bool ok = false;

	if (ctx != NULL)
	{
		params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, "SHA256", 0);
		params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, unconstify(uint8 *, master),
													  master_len);
		params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, unconstify(char *, info), info_len);
		params[3] = OSSL_PARAM_construct_end();
		ok = EVP_KDF_derive(ctx, out, EHDS_KEY_LEN, params) == 1;
	}
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok;
}

/* Derive a key from a master key in memory. */
static bool
derive(const uint8 *master, size_t master_len, const char *use, const char *domain, int32 version,
	   const char *kind, uint8 out[EHDS_KEY_LEN])
{
	StringInfoData info;
	uint32 net_version = pg_hton32((uint32) version);
	bool ok;

	initStringInfo(&info);
	append_text(&info, "pg_ehds");
	append_text(&info, use);
	append_text(&info, domain);
	append_field(&info, (const char *) &net_version, sizeof(net_version));
	append_text(&info, kind);
	ok = hkdf(master, master_len, info.data, info.len, out);
	pfree(info.data);
	return ok;
}

/* The check value of a master key for a version, as text. */
static bool
check_value(const uint8 *master, size_t master_len, int32 version, char out[CHECK_DIGITS + 1])
{
	uint8 key[EHDS_KEY_LEN];

	if (!derive(master, master_len, "check", "", version, "", key))
		return false;
	hex_encode((const char *) key, CHECK_DIGITS / 2, out);
	out[CHECK_DIGITS] = '\0';
	OPENSSL_cleanse(key, sizeof(key));
	return true;
}

/*
 * The newest registered version, or 0 if there is none, and its check value.
 * A direct scan, since SPI is not to be had in every place where a key is
 * needed (parallel workers, the end of a transaction).  SnapshotSelf sees what
 * is committed and what this transaction has registered.
 */
static int32
registered_version(char out[CHECK_DIGITS + 1])
{
	Oid nsp = get_namespace_oid("ehds", true);
	Oid relid = OidIsValid(nsp) ? get_relname_relid("key_version", nsp) : InvalidOid;
	int32 newest = 0;
	Relation rel;
	TableScanDesc scan;
	HeapTuple tuple;

	out[0] = '\0';
	if (!OidIsValid(relid))
		ereport(ERROR, (errcode(ERRCODE_EHDS_KEY),
						errmsg("the extension pg_ehds is not installed in this database")));

	rel = table_open(relid, AccessShareLock);
	scan = table_beginscan(rel, SnapshotSelf, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		bool null_version;
		bool null_check;
		Datum version = heap_getattr(tuple, 1, RelationGetDescr(rel), &null_version);
		Datum check = heap_getattr(tuple, 2, RelationGetDescr(rel), &null_check);

		if (null_version || null_check || DatumGetInt32(version) <= newest)
			continue;
		newest = DatumGetInt32(version);
		text_to_cstring_buffer(DatumGetTextPP(check), out, CHECK_DIGITS + 1);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	return newest;
}

static bool
same_file(const KeyFileState *a, const KeyFileState *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec &&
		   a->mtime.tv_nsec == b->mtime.tv_nsec && a->ctime.tv_sec == b->ctime.tv_sec &&
		   a->ctime.tv_nsec == b->ctime.tv_nsec;
}

static void
key_error(const char *problem)
{
	ereport(ERROR, (errcode(ERRCODE_EHDS_KEY), errmsg("%s", problem),
					errdetail_log("Setting ehds.key_file is \"%s\".", key_file ? key_file : ""),
					errhint("An administrator sets ehds.key_file to a file of at least 32 random bytes "
							"that only the server's user can read.")));
}

/* Read the master key and see that it is the registered one, or raise. */
static void
read_checked_master_key(uint8 buf[KEY_FILE_MAX + 1], size_t *len)
{
	KeyFileState state;
	const char *problem = read_master_key(buf, len, &state);

	if (problem != NULL)
		key_error(problem);

	if (!last_checked.checked || !same_file(&state, &last_checked))
	{
		char registered[CHECK_DIGITS + 1];
		char actual[CHECK_DIGITS + 1];
		volatile int32 version = 0;
		volatile bool ok = false;

		last_checked.checked = false;

		/* an error in the scan must not leave the key on the stack */
		PG_TRY();
		{
			version = registered_version(registered);
			ok = version == 0 || (check_value(buf, *len, version, actual) && strcmp(registered, actual) == 0);
		}
		PG_CATCH();
		{
			OPENSSL_cleanse(buf, KEY_FILE_MAX + 1);
			PG_RE_THROW();
		}
		PG_END_TRY();

		if (!ok)
		{
			OPENSSL_cleanse(buf, KEY_FILE_MAX + 1);
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_KEY),
					 errmsg("the key file does not hold the key that is registered as version %d", version),
					 errdetail_log("Setting ehds.key_file is \"%s\".", key_file),
					 errhint("An administrator puts the right key file back; another key would "
							 "break the ledger's chain and make other pseudonyms.")));
		}

		/* nothing is registered before the first use, so there is nothing to remember */
		if (version != 0)
		{
			last_checked = state;
			last_checked.checked = true;
		}
	}
}

void
ehds_derive_key(const char *use, const char *domain, int32 version, const char *kind, uint8 out[EHDS_KEY_LEN])
{
	uint8 master[KEY_FILE_MAX + 1];
	size_t len;
	volatile bool ok = false;

	if (strlen(domain) > EHDS_KEY_DOMAIN_MAX || strlen(kind) > EHDS_KEY_KIND_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the domain or the kind of a key is longer than %d bytes", EHDS_KEY_DOMAIN_MAX)));

	read_checked_master_key(master, &len);
	PG_TRY();
	{
		ok = derive(master, len, use, domain, version, kind, out);
	}
	PG_FINALLY();
	{
		OPENSSL_cleanse(master, sizeof(master));
	}
	PG_END_TRY();

	if (!ok)
		key_error("could not derive a key with OpenSSL");
}

int32
ehds_key_version_current(void)
{
	char registered[CHECK_DIGITS + 1];
	int32 version = registered_version(registered);

	if (version == 0)
		ereport(ERROR, (errcode(ERRCODE_EHDS_KEY), errmsg("no key is registered"),
						errhint("A custodian or an administrator registers the key file in use with "
								"SELECT ehds.register_key().")));
	return version;
}

char *
ehds_key_problem_text(void)
{
	uint8 master[KEY_FILE_MAX + 1];
	char registered[CHECK_DIGITS + 1];
	char actual[CHECK_DIGITS + 1];
	KeyFileState state;
	size_t len;
	const char *problem;
	int32 version = registered_version(registered);

	problem = read_master_key(master, &len, &state);
	if (problem == NULL && version != 0 &&
		(!check_value(master, len, version, actual) || strcmp(registered, actual) != 0))
		problem = "the key file does not hold the key that is registered";
	OPENSSL_cleanse(master, sizeof(master));
	return problem ? pstrdup(problem) : NULL;
}

/* ehds.key_problem() */
Datum
ehds_key_problem(PG_FUNCTION_ARGS)
{
	char *problem = ehds_key_problem_text();

	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}

/* ehds.key_check(version): the check value of the key file in use, registered or not */
Datum
ehds_key_check(PG_FUNCTION_ARGS)
{
	uint8 master[KEY_FILE_MAX + 1];
	char value[CHECK_DIGITS + 1];
	KeyFileState state;
	size_t len;
	const char *problem = read_master_key(master, &len, &state);
	bool ok;

	if (problem != NULL)
		key_error(problem);
	ok = check_value(master, len, PG_GETARG_INT32(0), value);
	OPENSSL_cleanse(master, sizeof(master));
	if (!ok)
		key_error("could not derive a key with OpenSSL");
	PG_RETURN_TEXT_P(cstring_to_text(value));
}
