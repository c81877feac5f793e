package dev.millrace.grpc;

import java.time.Duration;

/**
 * What connections may cost.
 *
 * @param maxConnections that are open at the same time: each holds a file handle and some buffers.
 *     Callers beyond are many enough for a proxy, which brings them over a few
 * @param maxMessageBytes of a request. A million token ids fit, or as much text as any context
 *     holds; gRPC's own default, so that clients expect it
 * @param maxMetadataBytes of a call's headers: room for an authentication token, not for abuse
 * @param maxCallsPerConnection more than an engine queues and runs, since a proxy may send
 *     everything over one connection: what is too much is then refused by the engine, with details
 * @param windowBytes of HTTP/2's flow control towards us, per stream: large prompts don't wait for
 *     round trips, and no bandwidth probing is needed
 * @param maxResets of streams per connection within {@code resetPeriod}: the "rapid reset" attack
 *     opens and cancels streams without end
 * @param keepAlive silence after which a connection is asked whether it's still there
 * @param keepAliveTimeout time for the answer; then it is closed, and its calls are cancelled
 * @param permitKeepAlive shortest time between a client's own such questions
 */
record TransportLimits(
    int maxConnections,
    int maxMessageBytes,
    int maxMetadataBytes,
    int maxCallsPerConnection,
    int windowBytes,
    int maxResets,
    Duration resetPeriod,
    Duration keepAlive,
    Duration keepAliveTimeout,
    Duration permitKeepAlive) {

  /**
   * What gRPC itself takes: a message that is somewhat too large is read, and then refused with
   * details.
   */
  int maxReadMessageBytes() {
    return 2 * maxMessageBytes;
  }

  static final TransportLimits DEFAULT =
      new TransportLimits(
          4_096,
          4 << 20,
          16 << 10,
          1_000,
          1 << 20,
          10_000,
          Duration.ofSeconds(10),
          Duration.ofSeconds(30),
          Duration.ofSeconds(10),
          Duration.ofSeconds(10));
}
