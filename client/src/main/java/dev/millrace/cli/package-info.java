/**
 * The command line: commands that talk to a server, and the door through which a distribution adds
 * its own.
 */
@NullMarked
package dev.millrace.cli;

import org.jspecify.annotations.NullMarked;
