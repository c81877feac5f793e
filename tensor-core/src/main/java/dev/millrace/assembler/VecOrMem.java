package dev.millrace.assembler;

/** An instruction's last source: a vector register or memory. */
public sealed interface VecOrMem permits Vec, Mem {}
