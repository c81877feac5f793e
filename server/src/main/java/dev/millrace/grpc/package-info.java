/** The gRPC door: translates messages, statuses and flow control, nothing else. */
@NullMarked
package dev.millrace.grpc;

import org.jspecify.annotations.NullMarked;
