# story.awk
#	Turns a story (SQL with marks in comments) into a script for psql that
#	prints what it does and stops at the first thing that is not as told.
#
#	--# title            a heading
#	--| text             a sentence for the reader
#	--@ role             go on as this role
#	--! line             run this line without printing it
#	-- expect 42501      the next statement (up to a line that ends in ;) must
#	                     fail with this SQLSTATE; every other error ends the demo
#	-- assert expr | why the expression must be true; prints why
#
# Other lines are passed on, and psql prints each statement before its result.

function quoted(s) { gsub(/'/, "''", s); return "'" s "'" }
function tell(s) { print "\\echo " quoted(s) }
function fail(s) {
	gsub(/'/, "''", s)
	print "DO $demo$ BEGIN RAISE EXCEPTION 'the demo is not as it should be: " s "'; END $demo$;"
}

BEGIN { print "\\set ECHO queries" }

/^--# / {
	title = substr($0, 5)
	line = title; gsub(/./, "=", line)
	print "\\echo"; tell(title); tell(line)
	next
}
/^--\|/ { tell(substr($0, 4 + (substr($0, 4, 1) == " "))); next }
/^--@ / {
	print "\\echo"
	print "\\connect - " substr($0, 5)
	print "\\echo"
	next
}
/^--! / { print "\\set ECHO none"; print substr($0, 5); print "\\set ECHO queries"; next }
/^-- expect / { want = $3; print "\\set ON_ERROR_STOP off"; next }
/^-- assert / {
	expr = substr($0, 11); why = expr
	sub(/ *\|.*/, "", expr); sub(/^[^|]*\| */, "", why)
	print "\\set ECHO none"
	print "SELECT (" expr ") AS demo_ok \\gset"
	print "\\if :demo_ok"; tell("   [checked] " why); print "\\else"; fail(why); print "\\endif"
	print "\\echo"
	print "\\set ECHO queries"
	next
}
/^--/ { next }
{ print }
want != "" && /;[ \t]*$/ {
	print "\\set demo_ok `[ :'SQLSTATE' = " want " ] && echo 1 || echo 0`"
	print "\\set ON_ERROR_STOP on"
	print "\\if :demo_ok"
	tell("   [refused, as it must be: SQLSTATE " want "]")
	print "\\echo"
	print "\\else"
	print "\\echo '   SQLSTATE was' :SQLSTATE"
	print "\\set ECHO none"
	fail("expected SQLSTATE " want)
	print "\\endif"
	want = ""
}
