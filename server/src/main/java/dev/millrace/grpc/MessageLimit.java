package dev.millrace.grpc;

import com.google.protobuf.MessageLite;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.StatusRuntimeException;

/**
 * Refuses messages that are too large as all else is refused: with details, and with the trailers
 * of interceptors around this one. gRPC's own limit, which is higher, ends a call without them.
 */
record MessageLimit(int maxBytes) implements ServerInterceptor {
  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    return new SimpleForwardingServerCallListener<>(next.startCall(call, headers)) {
      private boolean refused;

      @Override
      public void onMessage(Q message) {
        int bytes = message instanceof MessageLite lite ? lite.getSerializedSize() : 0;
        if (refused) {
          return;
        }
        if (bytes <= maxBytes) {
          super.onMessage(message);
          return;
        }
        refused = true;
        StatusRuntimeException error = StatusTranslator.tooLarge(bytes, maxBytes);
        Metadata trailers = error.getTrailers();
        call.close(error.getStatus(), trailers == null ? new Metadata() : trailers);
        super.onCancel(); // to the service the call is over
      }

      @Override
      public void onHalfClose() {
        if (!refused) {
          super.onHalfClose();
        }
      }
    };
  }
}
