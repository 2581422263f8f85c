/*
 * pg_ehds.c
 *		The library's entry: settings and hooks, nothing else.
 *
 * Outside shared_preload_libraries (CREATE EXTENSION, a restore, pg_upgrade) the
 * library still loads, so that labels and functions exist; without its hooks the
 * views of permits then refuse.
 */
#include "core/compat.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "catalog/catalog_cache.h"
#include "catalog/labels.h"
#include "dp/collect.h"
#include "gate/gate.h"
#include "kanon/kanon.h"
#include "ledger/ledger.h"
#include "pseudonym/keyring.h"
#include "suppress/suppress.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
	ehds_kanon_init();
	ehds_suppress_init();
	ehds_dp_init();
	ehds_gate_settings_init();
	ehds_keyring_init();
	MarkGUCPrefixReserved("ehds");

	ehds_labels_init();
	ehds_catalog_cache_init();

	if (process_shared_preload_libraries_in_progress)
	{
		ehds_ledger_init();
		ehds_gate_init();
	}
}
