/**
 * The Vector API tier: portable, and fast where C2 knows the machine's vectors.
 *
 * <p>How to keep it fast on JDK 25. Species stand in static finals. Methods that compute pass
 * addresses, never vectors, and call the JDK's own methods, which C2 must inline: beyond some
 * number of nodes it inlines nothing else, and boxes the vectors that a helper of ours takes or
 * returns, silently. It boxes them too where two branches meet, so masks choose instead. The column
 * of allocated bytes in {@code StepKernelTable} shows either at once.
 */
@NullMarked
package dev.millrace.kernel.vector;

import org.jspecify.annotations.NullMarked;
