package dev.millrace.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.google.common.util.concurrent.UncheckedExecutionException;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import dev.millrace.v1.Usage;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.Objects;
import java.util.Optional;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** What a client makes of a failed call. */
record Errors(StatusRuntimeException exception) {

  static Errors of(ThrowingCallable call) {
    Throwable thrown = catchThrowable(call);
    Throwable failure = thrown instanceof UncheckedExecutionException ? thrown.getCause() : thrown;
    assertThat(failure).isInstanceOf(StatusRuntimeException.class);
    return new Errors((StatusRuntimeException) failure);
  }

  Status.Code code() {
    return exception.getStatus().getCode();
  }

  String message() {
    return String.valueOf(exception.getStatus().getDescription());
  }

  String reason() {
    ErrorInfo info = detail(ErrorInfo.class).orElseThrow();
    assertThat(info.getDomain()).isEqualTo("millrace.dev");
    return info.getReason();
  }

  <T extends Message> Optional<T> detail(Class<T> type) {
    com.google.rpc.Status status =
        Objects.requireNonNull(StatusProto.fromThrowable(exception), "no details");
    return status.getDetailsList().stream()
        .filter(any -> any.is(type))
        .map(any -> unpack(any, type))
        .findFirst();
  }

  /** The usage trailer; fails if there is none. */
  Usage usage() {
    Metadata trailers = Objects.requireNonNull(exception.getTrailers());
    try {
      return Usage.parseFrom(
          Objects.requireNonNull(trailers.get(CallRecorder.USAGE_TRAILER), "no usage trailer"));
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  private static <T extends Message> T unpack(Any any, Class<T> type) {
    try {
      return any.unpack(type);
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }
}
