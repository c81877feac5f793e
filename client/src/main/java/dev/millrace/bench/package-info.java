/** The load harness: arrivals, recorders, reports. */
@NullMarked
package dev.millrace.bench;

import org.jspecify.annotations.NullMarked;
