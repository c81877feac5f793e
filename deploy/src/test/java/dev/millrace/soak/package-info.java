/** The long run of a real server under a mixed load, and what it must show. */
@NullMarked
package dev.millrace.soak;

import org.jspecify.annotations.NullMarked;
