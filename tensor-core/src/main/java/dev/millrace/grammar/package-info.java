/**
 * Formats that a model's output obeys: from a caller's text (a schema, an expression, a grammar) to
 * what the sampler may choose, token by token.
 */
@NullMarked
package dev.millrace.grammar;

import org.jspecify.annotations.NullMarked;
