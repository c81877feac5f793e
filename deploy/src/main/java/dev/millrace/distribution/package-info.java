/**
 * What needs all modules at once: the commands that a distribution adds to the command line. Nobody
 * imports from here; {@link java.util.ServiceLoader} finds it.
 */
@NullMarked
package dev.millrace.distribution;

import org.jspecify.annotations.NullMarked;
