package dev.millrace.grpc;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.net.InetSocketAddress;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Keeps a {@link CallRecord} for each call of a service that generates. However the server ends the
 * call, the usage trailer goes with it; and when it is over, its line goes to the log, from gRPC's
 * own threads, so that the engine's never waits for a log.
 */
final class CallRecorder implements ServerInterceptor {
  static final Metadata.Key<byte[]> USAGE_TRAILER =
      Metadata.Key.of("millrace-usage-bin", Metadata.BINARY_BYTE_MARSHALLER);

  private static final Context.Key<CallRecord> RECORD = Context.key("millrace-call-record");

  private final AtomicInteger open = new AtomicInteger();

  /** Calls that haven't been given their end yet, neither by the server nor by going away. */
  int openCalls() {
    return open.get();
  }

  private static String peer(ServerCall<?, ?> call) {
    return call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR)
            instanceof InetSocketAddress address
        ? address.getHostString() + ":" + address.getPort()
        : "unknown";
  }

  /** The record of the call whose method runs now. */
  static CallRecord current() {
    return Objects.requireNonNull(RECORD.get(), "the service lacks its CallRecorder");
  }

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    String method = String.valueOf(call.getMethodDescriptor().getBareMethodName());
    CallRecord record = new CallRecord(method, peer(call));
    open.incrementAndGet();
    AtomicBoolean ended = new AtomicBoolean();
    Runnable end =
        () -> {
          if (ended.compareAndSet(false, true)) {
            open.decrementAndGet();
          }
        };
    ServerCall<Q, R> recording =
        new SimpleForwardingServerCall<>(call) {
          @Override
          public void close(Status status, Metadata trailers) {
            if (!status.isOk()) {
              record.closed(status.getCode(), StatusTranslator.reasonOf(status, trailers));
            }
            trailers.put(USAGE_TRAILER, record.usage().toByteArray());
            super.close(status, trailers);
            end.run();
          }
        };
    Context context = Context.current().withValue(RECORD, record);
    return new SimpleForwardingServerCallListener<>(
        Contexts.interceptCall(context, recording, headers, next)) {
      @Override
      public void onComplete() {
        super.onComplete();
        record.log(true);
      }

      @Override
      public void onCancel() {
        super.onCancel();
        end.run();
        record.log(false);
      }
    };
  }
}
