/** The Flux client library. */
@NullMarked
package dev.millrace.client;

import org.jspecify.annotations.NullMarked;
