/**
 * Models made up on the spot: seeded random weights of real shapes, with a byte-level vocabulary,
 * for tests and benchmarks without a download. Uses model and tensor; nothing else.
 */
@NullMarked
package dev.millrace.synthetic;

import org.jspecify.annotations.NullMarked;
