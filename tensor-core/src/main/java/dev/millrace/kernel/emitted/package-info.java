/**
 * Kernels as machine code that Java writes when a model is loaded: x86-64 with AVX2 or AVX-512
 * VNNI. What isn't emitted is done by the vector tier. Imports the assembler and kernel.
 */
@NullMarked
package dev.millrace.kernel.emitted;

import org.jspecify.annotations.NullMarked;
