/** The server's settings: one record, one table of flags and environment variables. */
@NullMarked
package dev.millrace.config;

import org.jspecify.annotations.NullMarked;
