/** Regular languages: patterns over characters, and the automata over bytes that they become. */
@NullMarked
package dev.millrace.grammar.automaton;

import org.jspecify.annotations.NullMarked;
