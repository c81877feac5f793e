/** Grammars in GBNF, as llama.cpp writes them, read to the machine's nodes. */
@NullMarked
package dev.millrace.grammar.gbnf;

import org.jspecify.annotations.NullMarked;
