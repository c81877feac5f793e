/** Logits to token: draws depend on seed, candidate and position alone. */
@NullMarked
package dev.millrace.sampling;

import org.jspecify.annotations.NullMarked;
