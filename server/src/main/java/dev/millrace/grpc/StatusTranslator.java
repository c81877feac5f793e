package dev.millrace.grpc;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.QuotaFailure;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
import dev.millrace.engine.GenerationException;
import dev.millrace.request.InvalidRequestException;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one place where exceptions become gRPC statuses: a canonical code, and google.rpc details as
 * the contract says. ErrorInfo's reasons are stable: clients may decide by them.
 */
final class StatusTranslator {
  private static final Logger log = LoggerFactory.getLogger(StatusTranslator.class);
  private static final String DOMAIN = "millrace.dev";

  /** When a server that starts, drains or is busy is worth asking again. */
  private static final Duration SOON = Duration.ofSeconds(1);

  private StatusTranslator() {}

  static StatusRuntimeException translate(Throwable failure) {
    return switch (failure) {
      case InvalidRequestException e -> ofInvalidRequest(e);
      case GenerationException e -> ofGeneration(e);
      case ServerStartingException e ->
          status(Code.UNAVAILABLE, "STARTING", e.getMessage(), retryAfter(SOON));
      case RejectedExecutionException _ ->
          status(
              Code.RESOURCE_EXHAUSTED,
              "REQUESTS_PENDING",
              "too many requests wait for being read",
              retryAfter(SOON),
              quota("requests being read", "their queue is full"));
      case StatusRuntimeException e -> e;
      case StatusException e -> new StatusRuntimeException(e.getStatus(), e.getTrailers());
      default -> ofDefect(failure);
    };
  }

  /** ErrorInfo's reason, or empty. */
  static String reasonOf(io.grpc.Status status, io.grpc.Metadata trailers) {
    Status details = StatusProto.fromStatusAndTrailers(status, trailers);
    for (Any detail : details.getDetailsList()) {
      if (detail.is(ErrorInfo.class)) {
        try {
          return detail.unpack(ErrorInfo.class).getReason();
        } catch (InvalidProtocolBufferException e) {
          throw new IllegalStateException("our own details can't be read", e);
        }
      }
    }
    return "";
  }

  private static StatusRuntimeException ofInvalidRequest(InvalidRequestException e) {
    String message = e.field() + ": " + e.getMessage();
    BadRequest field =
        BadRequest.newBuilder()
            .addFieldViolations(
                BadRequest.FieldViolation.newBuilder()
                    .setField(e.field())
                    .setDescription(String.valueOf(e.getMessage())))
            .build();
    return switch (e.kind()) {
      case INVALID_ARGUMENT -> status(Code.INVALID_ARGUMENT, "INVALID_FIELD", message, field);
      case NEVER_FITS -> status(Code.INVALID_ARGUMENT, "NEVER_FITS", message, field);
      case UNIMPLEMENTED -> status(Code.UNIMPLEMENTED, "FIELD_UNIMPLEMENTED", message, field);
      case NOT_FOUND -> status(Code.NOT_FOUND, "NOT_FOUND", message, field);
      case FAILED_PRECONDITION ->
          status(Code.FAILED_PRECONDITION, "RESUME_MISMATCH", message, field);
      case RESOURCE_EXHAUSTED ->
          status(
              Code.RESOURCE_EXHAUSTED,
              "COMMANDS_PENDING",
              message,
              retryAfter(SOON),
              quota(e.field(), String.valueOf(e.getMessage())));
    };
  }

  private static StatusRuntimeException ofGeneration(GenerationException e) {
    Code code =
        switch (e.reason()) {
          case QUEUE_FULL, QUEUE_TIMEOUT, SLEPT_LONGEST -> Code.RESOURCE_EXHAUSTED;
          case NEVER_FITS -> Code.INVALID_ARGUMENT;
          case DEADLINE_EXCEEDED -> Code.DEADLINE_EXCEEDED;
          case CANCELLED -> Code.CANCELLED;
          case DRAINING, ENGINE_DOWN -> Code.UNAVAILABLE;
          case NOT_FINITE, DEFECT -> Code.INTERNAL;
        };
    List<Message> details = new ArrayList<>();
    switch (e.reason()) {
      case QUEUE_FULL, QUEUE_TIMEOUT -> {
        details.add(retryAfter(e.retryAfter().orElse(SOON)));
        details.add(quota("waiting requests", String.valueOf(e.getMessage())));
      }
      case SLEPT_LONGEST -> details.add(quota("sleeping readers", String.valueOf(e.getMessage())));
      case DRAINING, ENGINE_DOWN -> details.add(retryAfter(e.retryAfter().orElse(SOON)));
      case NEVER_FITS ->
          details.add(
              BadRequest.newBuilder()
                  .addFieldViolations(
                      BadRequest.FieldViolation.newBuilder()
                          .setField("prompt")
                          .setDescription(String.valueOf(e.getMessage())))
                  .build());
      case DEADLINE_EXCEEDED, CANCELLED, NOT_FINITE, DEFECT -> {}
    }
    return status(code, e.reason().name(), e.getMessage(), details.toArray(Message[]::new));
  }

  /** A caller that isn't known. */
  static StatusRuntimeException unauthenticated(String reason, String message) {
    return status(Code.UNAUTHENTICATED, reason, message);
  }

  /** A message that was read, and is more than may be asked. */
  static StatusRuntimeException tooLarge(int bytes, int allowed) {
    String message = "a message of %d bytes; allowed are %d".formatted(bytes, allowed);
    return status(
        Code.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", message, quota("a message's bytes", message));
  }

  private static StatusRuntimeException ofDefect(Throwable failure) {
    log.error("A call failed by a defect", failure);
    // The message stays here: it may say things that are none of the caller's business.
    return status(Code.INTERNAL, "DEFECT", "internal error; the server's log has more");
  }

  private static RetryInfo retryAfter(Duration delay) {
    return RetryInfo.newBuilder()
        .setRetryDelay(
            com.google.protobuf.Duration.newBuilder()
                .setSeconds(delay.getSeconds())
                .setNanos(delay.getNano()))
        .build();
  }

  private static QuotaFailure quota(String subject, String description) {
    return QuotaFailure.newBuilder()
        .addViolations(
            QuotaFailure.Violation.newBuilder().setSubject(subject).setDescription(description))
        .build();
  }

  private static StatusRuntimeException status(
      Code code, String reason, @Nullable String message, Message... details) {
    Status.Builder status =
        Status.newBuilder()
            .setCode(code.getNumber())
            .setMessage(String.valueOf(message))
            .addDetails(
                Any.pack(ErrorInfo.newBuilder().setReason(reason).setDomain(DOMAIN).build()));
    for (Message detail : details) {
      status.addDetails(Any.pack(detail));
    }
    return StatusProto.toStatusRuntimeException(status.build());
  }
}
