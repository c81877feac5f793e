package dev.millrace.client;

import io.grpc.netty.NettyChannelBuilder;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * How a client connects, waits and tries again. Immutable; {@link #builder} starts from defaults
 * that suit a network with round trips up to some 100 ms.
 *
 * @param connectTimeout for TCP to connect
 * @param deadline of each generation, all its tries together; none by default: a text takes as long
 *     as it takes
 * @param lookupDeadline of each of the other calls
 * @param silenceTimeout how long a stream may bring nothing while its reader waits for an event; a
 *     server that is silent for longer counts as lost. None by default: a full queue is silent too
 * @param keepAliveTime a connection with calls on it that has brought nothing for this long is
 *     pinged. At least 10 s, as gRPC has it; servers must permit it
 * @param keepAliveTimeout a ping unanswered for this long ends the connection
 * @param streamWindowBytes HTTP/2 flow-control window of each stream: how many bytes a server can
 *     send ahead of the reader. docs/client.md says what that means in tokens
 * @param maxMessageBytes largest message taken from a server
 * @param retries what is tried again
 * @param apiKey shown to the server with each call. On a plaintext channel, whoever is on the way
 *     can read it
 * @param channel has the last word on each channel: TLS, credentials, interceptors. Channels are
 *     plaintext unless it says otherwise
 */
public record ClientSettings(
    Duration connectTimeout,
    Optional<Duration> deadline,
    Duration lookupDeadline,
    Optional<Duration> silenceTimeout,
    Duration keepAliveTime,
    Duration keepAliveTimeout,
    int streamWindowBytes,
    int maxMessageBytes,
    Retries retries,
    Optional<ApiKey> apiKey,
    Consumer<NettyChannelBuilder> channel) {

  /** What counts in milliseconds counts in an int. */
  private static final Duration LONGEST = Duration.ofDays(20);

  public ClientSettings {
    requirePositive("connectTimeout", connectTimeout);
    deadline.ifPresent(d -> requirePositive("deadline", d));
    requirePositive("lookupDeadline", lookupDeadline);
    silenceTimeout.ifPresent(d -> requirePositive("silenceTimeout", d));
    requirePositive("keepAliveTime", keepAliveTime);
    requirePositive("keepAliveTimeout", keepAliveTimeout);
    requirePositive("streamWindowBytes", streamWindowBytes);
    requirePositive("maxMessageBytes", maxMessageBytes);
  }

  /**
   * @param tries calls in a row that may fail before the failure is passed on; 1 tries nothing
   *     again. An event that arrives starts the count anew
   * @param firstBackoff how long to wait after the first failure, at most; then twice that, and so
   *     on. Each wait is drawn from the upper half of its range, so that clients don't come back
   *     all at once
   * @param longestBackoff no wait is longer, but for the next
   * @param longestRetryAfter a server that refuses with RESOURCE_EXHAUSTED and says when a retry
   *     can succeed is asked again then, if that is no longer from now than this. Zero passes such
   *     refusals on. A stream that has tokens waits in any case, up to longestBackoff
   */
  public record Retries(
      int tries, Duration firstBackoff, Duration longestBackoff, Duration longestRetryAfter) {
    public static final Retries NONE =
        new Retries(1, Duration.ofMillis(1), Duration.ofMillis(1), Duration.ZERO);

    public Retries {
      requirePositive("tries", tries);
      requirePositive("firstBackoff", firstBackoff);
      requirePositive("longestBackoff", longestBackoff);
      if (longestRetryAfter.isNegative()) {
        throw new IllegalArgumentException(
            "longestRetryAfter must not be negative, was " + longestRetryAfter);
      }
    }
  }

  public static Builder builder() {
    return new Builder();
  }

  public static ClientSettings defaults() {
    return builder().build();
  }

  private static void requirePositive(String name, Duration value) {
    if (value.isNegative() || value.isZero() || value.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(
          name + " must be more than 0 and at most " + LONGEST + ", was " + value);
    }
  }

  private static void requirePositive(String name, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(name + " must be at least 1, was " + value);
    }
  }

  /** Fields as in {@link ClientSettings}. */
  public static final class Builder {
    private Duration connectTimeout = Duration.ofSeconds(5);
    private Optional<Duration> deadline = Optional.empty();
    private Duration lookupDeadline = Duration.ofSeconds(30);
    private Optional<Duration> silenceTimeout = Optional.empty();
    private Duration keepAliveTime = Duration.ofSeconds(20);
    private Duration keepAliveTimeout = Duration.ofSeconds(10);
    private int streamWindowBytes = 512;
    private int maxMessageBytes = 64 << 20;
    private Retries retries =
        new Retries(6, Duration.ofMillis(100), Duration.ofSeconds(5), Duration.ZERO);
    private Optional<ApiKey> apiKey = Optional.empty();
    private Consumer<NettyChannelBuilder> channel = builder -> {};

    private Builder() {}

    public Builder connectTimeout(Duration value) {
      connectTimeout = value;
      return this;
    }

    public Builder deadline(Duration value) {
      deadline = Optional.of(value);
      return this;
    }

    public Builder lookupDeadline(Duration value) {
      lookupDeadline = value;
      return this;
    }

    public Builder silenceTimeout(Duration value) {
      silenceTimeout = Optional.of(value);
      return this;
    }

    public Builder keepAlive(Duration time, Duration timeout) {
      keepAliveTime = time;
      keepAliveTimeout = timeout;
      return this;
    }

    public Builder streamWindowBytes(int value) {
      streamWindowBytes = value;
      return this;
    }

    public Builder maxMessageBytes(int value) {
      maxMessageBytes = value;
      return this;
    }

    public Builder retries(Retries value) {
      retries = value;
      return this;
    }

    public Builder apiKey(Optional<ApiKey> value) {
      apiKey = value;
      return this;
    }

    public Builder channel(Consumer<NettyChannelBuilder> value) {
      channel = value;
      return this;
    }

    public ClientSettings build() {
      return new ClientSettings(
          connectTimeout,
          deadline,
          lookupDeadline,
          silenceTimeout,
          keepAliveTime,
          keepAliveTimeout,
          streamWindowBytes,
          maxMessageBytes,
          retries,
          apiKey,
          channel);
    }
  }
}
