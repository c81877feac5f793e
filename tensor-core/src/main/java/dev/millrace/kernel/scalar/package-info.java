/** The reference: every kernel the obvious way. Faster tiers must equal it to the bit. */
@NullMarked
package dev.millrace.kernel.scalar;

import org.jspecify.annotations.NullMarked;
