/**
 * GGUF files: bytes in, metadata and named tensors out, and back. The only room that knows the
 * format. Uses model and tensor; nothing else.
 */
@NullMarked
package dev.millrace.gguf;

import org.jspecify.annotations.NullMarked;
