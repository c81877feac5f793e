/**
 * The Vector API tier: portable, and fast where C2 knows the machine's vectors.
 *
 * <p>How to keep it fast on JDK 25: species stand in static finals; a method that computes has one
 * loop nest and at most some 25 accesses to segments, since C2 stops inlining at a number of nodes
 * and then boxes every vector, silently (watch the allocation column of {@code KernelBenchmark}).
 */
@NullMarked
package dev.millrace.kernel.vector;

import org.jspecify.annotations.NullMarked;
