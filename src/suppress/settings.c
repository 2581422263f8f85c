/*
 * settings.c
 *		Settings of secondary suppression.
 *
 * As for k, the user's value and a floor that only a superuser (or who was
 * granted SET on it) may set; what is in force is the stricter, taken when used.
 */
#include "core/compat.h"

#include "utils/guc.h"

#include "core/approval.h"
#include "suppress/suppress.h"

static int width = 0;
static int width_floor = 0;

int64
ehds_suppress_width(void)
{
	/*
	 * Under a permit the floor alone: two patterns of one table hide different
	 * cells beside the small ones, and together they may show all of them.
	 */
	if (ehds_execution_any())
		return width_floor;
	return Max(width, width_floor);
}

void
ehds_suppress_init(void)
{
	/*
	 * How little may be known of a hidden cell.  0 only keeps it from being
	 * computed; who adds and subtracts the shown cells may still find that it is
	 * 3 or 4.  A larger width hides more cells.
	 */
	DefineCustomIntVariable("ehds.suppression_width",
							"Least width of the interval in which a hidden cell is known to lie.",
							"0: a hidden cell can't be computed exactly. The larger of this and "
							"ehds.suppression_width_floor is in force, under a permit the latter.",
							&width, 0, 0, EHDS_SUPPRESS_WIDTH_MAX, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("ehds.suppression_width_floor", "Least ehds.suppression_width that is in force.",
							NULL, &width_floor, 0, 0, EHDS_SUPPRESS_WIDTH_MAX, PGC_SUSET, 0, NULL, NULL, NULL);
}
