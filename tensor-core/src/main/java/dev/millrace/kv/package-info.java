/** The paged KV cache: its memory, who holds which block, a sequence's block table. */
@NullMarked
package dev.millrace.kv;

import org.jspecify.annotations.NullMarked;
