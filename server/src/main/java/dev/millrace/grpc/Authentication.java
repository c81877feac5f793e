package dev.millrace.grpc;

import dev.millrace.security.ApiKeys;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.StatusRuntimeException;
import java.net.InetSocketAddress;
import java.util.Objects;
import java.util.Optional;

/**
 * Who calls: where there are API keys, whoever the key of {@code authorization: Bearer KEY} belongs
 * to, and nobody else; otherwise the caller's host, whatever its connections. A call that is
 * refused isn't read.
 */
final class Authentication implements ServerInterceptor {
  static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private static final String SCHEME = "Bearer ";
  private static final Context.Key<String> CALLER = Context.key("millrace-caller");

  private final Optional<ApiKeys> keys;

  Authentication(Optional<ApiKeys> keys) {
    this.keys = keys;
  }

  /** Who made the call whose method runs now. */
  static String caller() {
    return Objects.requireNonNull(CALLER.get(), "the service lacks its Authentication");
  }

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    String caller;
    try {
      caller = keys.isPresent() ? authenticated(keys.get(), headers) : host(call);
    } catch (StatusRuntimeException refusal) {
      Metadata trailers = Objects.requireNonNullElseGet(refusal.getTrailers(), Metadata::new);
      call.close(refusal.getStatus(), trailers);
      return new ServerCall.Listener<>() {};
    }
    return Contexts.interceptCall(Context.current().withValue(CALLER, caller), call, headers, next);
  }

  private static String authenticated(ApiKeys keys, Metadata headers) {
    String given = headers.get(AUTHORIZATION);
    if (given == null || !given.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
      throw StatusTranslator.unauthenticated(
          "API_KEY_MISSING", "this server wants an API key: authorization: Bearer KEY");
    }
    return keys.nameOf(given.substring(SCHEME.length()).strip())
        .orElseThrow(
            () ->
                StatusTranslator.unauthenticated(
                    "API_KEY_INVALID", "the API key isn't one of this server's"));
  }

  private static String host(ServerCall<?, ?> call) {
    return call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR)
            instanceof InetSocketAddress address
        ? address.getHostString()
        : "unknown";
  }
}
