package dev.millrace.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.GenerationEvent;
import dev.millrace.engine.GenerationException;
import dev.millrace.engine.GenerationException.Reason;
import dev.millrace.security.ApiKeys;
import dev.millrace.v1.EngineServiceGrpc;
import dev.millrace.v1.ModelServiceGrpc;
import dev.millrace.v1.TextGenerationServiceGrpc;
import dev.millrace.v1.TokenizationServiceGrpc;
import dev.millrace.v1.Usage;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.stub.MetadataUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import reactor.core.publisher.Flux;

class AuthenticationTest {
  private static final String KEY = "the-key-of-alice";

  @TempDir Path folder;
  private Loopback loopback;

  @BeforeEach
  void start() throws IOException {
    Path file = folder.resolve("keys");
    Files.writeString(file, "alice " + KEY + "\nbob the-key-of-bob--\n");
    loopback = Loopback.locked(ApiKeys.read(file));
  }

  @AfterEach
  void stop() {
    loopback.close();
  }

  private Channel showing(String authorization) {
    Metadata headers = new Metadata();
    headers.put(Authentication.AUTHORIZATION, authorization);
    return ClientInterceptors.intercept(
        loopback.channel, MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  @ParameterizedTest
  @CsvSource({"Bearer the-key-of-alice", "bearer   the-key-of-alice", "BEARER the-key-of-bob--"})
  void whoShowsAKeyIsServed(String authorization) {
    var stub = TextGenerationServiceGrpc.newBlockingStub(showing(authorization));

    assertThat(stub.generate(Loopback.request("hello", 3))).toIterable().hasSize(7);
  }

  @Test
  void whoShowsNoneIsRefusedByNameAndWithItsUsage() {
    Errors error = Errors.of(() -> loopback.blocking().generate(Loopback.request("hi", 3)).next());

    assertThat(error.code()).isEqualTo(Status.Code.UNAUTHENTICATED);
    assertThat(error.reason()).isEqualTo("API_KEY_MISSING");
    assertThat(error.message()).contains("authorization: Bearer KEY");
    assertThat(error.usage()).isEqualTo(Usage.getDefaultInstance());
  }

  @ParameterizedTest
  @CsvSource({
    "Bearer the-key-of-carol,API_KEY_INVALID",
    "Bearer the-key-of-alice2,API_KEY_INVALID",
    "Bearer ,API_KEY_MISSING",
    "the-key-of-alice,API_KEY_MISSING",
    "Basic the-key-of-alice,API_KEY_MISSING",
  })
  void whoShowsSomethingElseIsRefusedAndItIsNotRepeated(String authorization, String reason) {
    var stub = TextGenerationServiceGrpc.newBlockingStub(showing(authorization));
    Errors error = Errors.of(() -> stub.generate(Loopback.request("hi", 3)).next());

    assertThat(error.code()).isEqualTo(Status.Code.UNAUTHENTICATED);
    assertThat(error.reason()).isEqualTo(reason);
    assertThat(error.message()).doesNotContain("carol").doesNotContain("alice");
  }

  /** By their descriptors, so that a method that is added isn't forgotten. */
  @Test
  void everyMethodOfOursWantsAKeyAndHealthAndReflectionDoNot() throws Exception {
    List<ServiceDescriptor> ours =
        List.of(
            TextGenerationServiceGrpc.getServiceDescriptor(),
            TokenizationServiceGrpc.getServiceDescriptor(),
            ModelServiceGrpc.getServiceDescriptor(),
            EngineServiceGrpc.getServiceDescriptor());
    for (ServiceDescriptor service : ours) {
      for (MethodDescriptor<?, ?> method : service.getMethods()) {
        assertThat(codeOf(method))
            .as(method.getFullMethodName())
            .isEqualTo(Status.Code.UNAUTHENTICATED);
      }
    }
    assertThat(codeOf(HealthGrpc.getCheckMethod())).isEqualTo(Status.Code.OK);
    assertThat(codeOf(ServerReflectionGrpc.getServerReflectionInfoMethod()))
        .isEqualTo(Status.Code.OK);
  }

  /** How a call ends that sends one empty message. */
  private Status.Code codeOf(MethodDescriptor<?, ?> method) throws Exception {
    CompletableFuture<Status.Code> code = new CompletableFuture<>();
    ClientCall<byte[], byte[]> call =
        loopback.channel.newCall(
            method.toBuilder(new Bytes(), new Bytes()).build(), CallOptions.DEFAULT);
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onClose(Status status, Metadata trailers) {
            code.complete(status.getCode());
          }
        },
        new Metadata());
    call.request(10);
    call.sendMessage(new byte[0]);
    call.halfClose();
    return code.get(Loopback.PATIENCE.toSeconds(), TimeUnit.SECONDS);
  }

  private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] bytes) {
      return new ByteArrayInputStream(bytes);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** As the scheduler sees them: two keys are two callers though they share an address. */
  @Test
  void theNameOfTheKeyIsWhoIsServed() {
    List<String> callers = new CopyOnWriteArrayList<>();
    loopback.serve(
        request -> {
          callers.add(request.scheduling().caller());
          return Flux.error(
              new GenerationException(
                  Reason.DRAINING, "enough", GenerationEvent.Usage.NONE, Optional.empty()));
        });
    for (String key : List.of(KEY, "the-key-of-bob--")) {
      var stub = TextGenerationServiceGrpc.newBlockingStub(showing("Bearer " + key));
      var _ = Errors.of(() -> stub.generate(Loopback.request("hi", 3)).next());
    }

    assertThat(callers).containsExactly("alice", "bob");
  }
}
