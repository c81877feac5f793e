/**
 * The machine that all formats become: a pushdown automaton over bytes, and the masks of tokens
 * that it allows. One {@link dev.millrace.grammar.machine.CompiledFormat} is shared by all who use
 * it; each sequence has a {@link dev.millrace.grammar.machine.Constraint} of its own.
 */
@NullMarked
package dev.millrace.grammar.machine;

import org.jspecify.annotations.NullMarked;
