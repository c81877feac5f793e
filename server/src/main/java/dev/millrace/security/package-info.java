/** Who may call: keys, and whose they are. No gRPC. */
@NullMarked
package dev.millrace.security;

import org.jspecify.annotations.NullMarked;
