package dev.millrace.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.millrace.v1.Usage;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Why a call ended without its answer: the status as the server, or the connection, gave it. */
public final class MillraceException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private static final Metadata.Key<byte[]> USAGE =
      Metadata.Key.of("millrace-usage-bin", Metadata.BINARY_BYTE_MARSHALLER);

  private final Status.Code code;
  private final String description;
  private final transient List<Any> details;
  private final @Nullable Usage usage;

  MillraceException(Status.Code code, String description) {
    this(code, description, List.of(), null, null);
  }

  private MillraceException(
      Status.Code code,
      String description,
      List<Any> details,
      @Nullable Usage usage,
      @Nullable Throwable cause) {
    super(message(code, description, cause), cause);
    this.code = code;
    this.description = description;
    this.details = List.copyOf(details);
    this.usage = usage;
  }

  /** What broke a connection is said by the cause alone: "Connection refused: localhost:9090". */
  private static String message(Status.Code code, String description, @Nullable Throwable cause) {
    String message = description.isEmpty() ? code.name() : code + ": " + description;
    return cause == null || cause.getMessage() == null
        ? message
        : message + " (" + cause.getMessage() + ")";
  }

  /** From what a call ended with. Details that can't be read are left out: the status counts. */
  static MillraceException of(Status status, @Nullable Metadata trailers) {
    String description = status.getDescription() == null ? "" : status.getDescription();
    return new MillraceException(
        status.getCode(),
        description,
        trailers == null ? List.of() : details(status, trailers),
        trailers == null ? null : usage(trailers),
        status.getCause());
  }

  private static List<Any> details(Status status, Metadata trailers) {
    try {
      com.google.rpc.Status full = StatusProto.fromStatusAndTrailers(status, trailers);
      return full == null ? List.of() : full.getDetailsList();
    } catch (IllegalArgumentException e) {
      return List.of();
    }
  }

  private static @Nullable Usage usage(Metadata trailers) {
    byte[] bytes = trailers.get(USAGE);
    try {
      return bytes == null ? null : Usage.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }

  public Status.Code code() {
    return code;
  }

  /** In the server's words. */
  public String description() {
    return description;
  }

  /** The stable reason of google.rpc.ErrorInfo; empty where the server gave none. */
  public String reason() {
    return detail(ErrorInfo.class).map(ErrorInfo::getReason).orElse("");
  }

  /** When a retry can succeed, where the server knows. */
  public Optional<Duration> retryAfter() {
    return detail(RetryInfo.class)
        .map(RetryInfo::getRetryDelay)
        .map(delay -> Duration.ofSeconds(delay.getSeconds(), delay.getNanos()));
  }

  /** The google.rpc detail of this type (BadRequest, QuotaFailure, ...), where there is one. */
  public <T extends Message> Optional<T> detail(Class<T> type) {
    for (Any detail : details) {
      if (detail.is(type)) {
        try {
          return Optional.of(detail.unpack(type));
        } catch (InvalidProtocolBufferException e) {
          return Optional.empty();
        }
      }
    }
    return Optional.empty();
  }

  /** All details, known or not. */
  public List<Any> details() {
    return details;
  }

  /** What was computed until then, where the server says so. */
  public Optional<Usage> usage() {
    return Optional.ofNullable(usage);
  }

  /**
   * Whether the server, or the way to it, went away, so that another can do the same. A server or
   * proxy that shuts down by force resets its streams; gRPC makes CANCELLED of that, and a caller
   * whose own gRPC context was cancelled gets CANCELLED too: only the words differ.
   */
  boolean isServerGone() {
    return code == Status.Code.UNAVAILABLE
        || (code == Status.Code.CANCELLED && description.startsWith("RST_STREAM"));
  }
}
