/** Reactor: from a valid request to a Flux of events. Outlets carry demand to the engine. */
@NullMarked
package dev.millrace.pipeline;

import org.jspecify.annotations.NullMarked;
