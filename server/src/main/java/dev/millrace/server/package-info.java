/** The server as a whole: opens models, starts engines, listens, drains, closes. */
@NullMarked
package dev.millrace.server;

import org.jspecify.annotations.NullMarked;
