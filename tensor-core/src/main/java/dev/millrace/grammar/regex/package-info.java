/** Regular expressions as ECMA-262 writes them, read to patterns. */
@NullMarked
package dev.millrace.grammar.regex;

import org.jspecify.annotations.NullMarked;
