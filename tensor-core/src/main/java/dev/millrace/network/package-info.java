/**
 * The networks, built from shared layers. Arithmetic is done by kernels; which rows are in a step
 * is decided by the caller.
 */
@NullMarked
package dev.millrace.network;

import org.jspecify.annotations.NullMarked;
