/*
 * errors.h
 *		SQLSTATEs of our own, for errors on which a program would branch.
 *
 * Class ZE is implementation-defined (SQL:2016 reserves classes that start with
 * 0-4 and A-H). doc/reference.md lists them for users.
 */
#ifndef EHDS_ERRORS_H
#define EHDS_ERRORS_H

#include "utils/elog.h"

/* the permit is not in force for this role, day or purpose */
#define ERRCODE_EHDS_NOT_IN_FORCE MAKE_SQLSTATE('Z', 'E', '0', '0', '1')
/* the gate refuses the query; the message says what to write instead */
#define ERRCODE_EHDS_REFUSED MAKE_SQLSTATE('Z', 'E', '0', '0', '2')
/* the privacy budget of a permit or a population does not allow the charge */
#define ERRCODE_EHDS_BUDGET MAKE_SQLSTATE('Z', 'E', '0', '0', '3')
/* a permit's view or a release was reached by a plan that the gate did not approve */
#define ERRCODE_EHDS_NOT_APPROVED MAKE_SQLSTATE('Z', 'E', '0', '0', '4')
/* a table is not what was declared: swapped, undeclared, being loaded */
#define ERRCODE_EHDS_DECLARATION MAKE_SQLSTATE('Z', 'E', '0', '0', '5')
/* the master key is missing, weak, exposed or not the one registered */
#define ERRCODE_EHDS_KEY MAKE_SQLSTATE('Z', 'E', '0', '0', '6')
/* the ledger can't record, so nothing may run */
#define ERRCODE_EHDS_LEDGER MAKE_SQLSTATE('Z', 'E', '0', '0', '7')

#endif /* EHDS_ERRORS_H */
