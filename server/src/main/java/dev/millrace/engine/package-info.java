/**
 * The engine: scheduler, sequences, step plans and the loop. One thread owns all mutable state;
 * commands and clock in, plans and events out. No Reactor, no gRPC.
 */
@NullMarked
package dev.millrace.engine;

import org.jspecify.annotations.NullMarked;
