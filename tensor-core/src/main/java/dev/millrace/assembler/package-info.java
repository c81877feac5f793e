/**
 * A small x86-64 assembler: registers and operands as Java values, labels, VEX and EVEX encoders;
 * memory that holds the code, and what the CPU can do. It knows instructions, not kernels.
 */
@NullMarked
package dev.millrace.assembler;

import org.jspecify.annotations.NullMarked;
