/** Which tiers of kernels there are, and which of them can run here. */
@NullMarked
package dev.millrace.kernel.tier;

import org.jspecify.annotations.NullMarked;
