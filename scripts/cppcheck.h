/*
 * cppcheck.h
 *		What cppcheck must know of PostgreSQL's macros: which end the function,
 *		which are loops. It stands in for the server's headers, which would slow
 *		the check down by a hundred times and stop it at their #error lines.
 */
#define PG_VERSION_NUM 180000
#define HAVE_INT128 1
#define PG_INT128_TYPE __int128
#define INT64CONST(x) (x##L)
#define UINT64CONST(x) (x##UL)

#define DEBUG1 14
#define LOG 15
#define NOTICE 18
#define WARNING 19
#define ERROR 21
#define FATAL 22
#define PANIC 23
#define ereport(level, ...) do { __VA_ARGS__; if ((level) >= ERROR) abort(); } while (0)
#define elog(level, ...) do { if ((level) >= ERROR) abort(); } while (0)
#define PG_RE_THROW() abort()
#define pg_unreachable() abort()
#define Assert(condition) do { if (!(condition)) abort(); } while (0)
#define StaticAssertStmt(condition, message) ((void) 0)
#define StaticAssertDecl(condition, message) extern int static_assert_decl

#define PG_TRY() do { if (pg_try_succeeds()) {
#define PG_CATCH() } else {
#define PG_FINALLY() } {
#define PG_END_TRY() } } while (0)

#define foreach(cell, lst) for (cell = list_head(lst); cell != NULL; cell = lnext(lst, cell))
#define forboth(cell1, list1, cell2, list2) \
	for (cell1 = list_head(list1), cell2 = list_head(list2); cell1 != NULL && cell2 != NULL; \
		 cell1 = lnext(list1, cell1), cell2 = lnext(list2, cell2))
#define dlist_foreach(iter, lhead) for (iter.cur = (lhead)->head.next; iter.cur != NULL; iter.cur = iter.cur->next)
#define slist_foreach(iter, lhead) for (iter.cur = (lhead)->head.next; iter.cur != NULL; iter.cur = iter.cur->next)

#define PG_MODULE_MAGIC extern int pg_module_magic
#define PG_FUNCTION_INFO_V1(f) extern Datum f(FunctionCallInfo fcinfo)
#define PG_FUNCTION_ARGS FunctionCallInfo fcinfo
#define PG_RETURN_NULL() do { fcinfo->isnull = true; return (Datum) 0; } while (0)
#define PG_RETURN_VOID() return (Datum) 0
#define PG_RETURN_DATUM(x) return (Datum) (x)
#define PG_RETURN_BOOL(x) return (Datum) (x)
#define PG_RETURN_INT32(x) return (Datum) (x)
#define PG_RETURN_UINT32(x) return (Datum) (x)
#define PG_RETURN_INT64(x) return (Datum) (x)
#define PG_RETURN_FLOAT8(x) return (Datum) (x)
#define PG_RETURN_POINTER(x) return (Datum) (x)
#define PG_RETURN_CSTRING(x) return (Datum) (x)
#define PG_RETURN_TEXT_P(x) return (Datum) (x)
#define PG_RETURN_BYTEA_P(x) return (Datum) (x)
#define PG_RETURN_NUMERIC(x) return (Datum) (x)
#define pg_attribute_noreturn() __attribute__((noreturn))
#define pg_noreturn __attribute__((noreturn))
#define pg_attribute_printf(f, a)
