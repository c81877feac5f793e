/**
 * Tensors: dimensions as types, element types, matrices. The lowest room: it imports nothing of
 * ours.
 */
@NullMarked
package dev.millrace.tensor;

import org.jspecify.annotations.NullMarked;
