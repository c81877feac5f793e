/** Probes: intermediate tensors by name, for comparing implementations layer by layer. */
@NullMarked
package dev.millrace.trace;

import org.jspecify.annotations.NullMarked;
