/*
 * server.h
 *		What a unit test needs of a server: errors, interrupts, a process id; and TAP.
 *
 * Include it after the sources under test.
 */
#ifndef EHDS_TEST_SERVER_H
#define EHDS_TEST_SERVER_H

#include <setjmp.h>
#include <stdio.h>

/* port.h gives these to libpgport, which is not linked */
#undef printf
#undef snprintf

/* -----------------------------------------------------------------------
 * What the sources need of a server: an error ends in errors_to.
 * ----------------------------------------------------------------------- */

volatile sig_atomic_t InterruptPending = false;
int MyProcPid = 1;
static jmp_buf *errors_to = NULL;

void ProcessInterrupts(void);
void
ProcessInterrupts(void)
{
}
bool
errstart(int elevel, const char *domain)
{
	return true;
}
bool
errstart_cold(int elevel, const char *domain)
{
	return true;
}
int
errcode(int sqlerrcode)
{
	return 0;
}
int
errmsg(const char *fmt, ...)
{
	return 0;
}
int
errmsg_internal(const char *fmt, ...)
{
	return 0;
}
int
errhint(const char *fmt, ...)
{
	return 0;
}
void
errfinish(const char *filename, int lineno, const char *funcname)
{
	if (errors_to != NULL)
		longjmp(*errors_to, 1);
	printf("Bail out! unexpected error at %s:%d\n", filename, lineno);
	exit(1);
}

/*
 * Builds with assertions call ExceptionalCondition, whose arguments after the
 * first differ between majors: it is defined under its name for the linker.
 */
void assertion_failed(const char *condition) __asm__("ExceptionalCondition");
void
assertion_failed(const char *condition)
{
	printf("Bail out! assertion %s failed\n", condition);
	exit(1);
}

/* -----------------------------------------------------------------------
 * TAP
 * ----------------------------------------------------------------------- */

static int tests = 0;
static int failures = 0;
static char note[200];

static void
ok(bool pass, const char *name)
{
	printf("%sok %d - %s\n", pass ? "" : "not ", ++tests, name);
	if (!pass)
	{
		failures++;
		printf("# %s\n", note);
	}
	note[0] = '\0';
}

/* The expression must end in an error. */
#define RAISES(expression, name)     \
	do                               \
	{                                \
		jmp_buf here;                \
		volatile bool raised = true; \
		errors_to = &here;           \
		if (setjmp(here) == 0)       \
		{                            \
			(void) (expression);     \
			raised = false;          \
		}                            \
		errors_to = NULL;            \
		ok(raised, name);            \
	} while (0)

#endif /* EHDS_TEST_SERVER_H */
