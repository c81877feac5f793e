package dev.millrace.network;

/**
 * What a loaded network holds, in bytes.
 *
 * @param weights packed for the kernels
 * @param workspace intermediate results of the largest step, and tables
 */
public record NetworkMemory(long weights, long workspace) {}
