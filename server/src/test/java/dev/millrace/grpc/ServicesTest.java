package dev.millrace.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.millrace.engine.Await;
import dev.millrace.v1.DetokenizeRequest;
import dev.millrace.v1.EngineStats;
import dev.millrace.v1.GetModelRequest;
import dev.millrace.v1.ListModelsRequest;
import dev.millrace.v1.ModelServiceGrpc;
import dev.millrace.v1.TokenizationServiceGrpc;
import dev.millrace.v1.TokenizationServiceGrpc.TokenizationServiceBlockingStub;
import dev.millrace.v1.TokenizeRequest;
import dev.millrace.v1.TokenizeResponse;
import dev.millrace.v1.TokenizeResponse.Token;
import io.grpc.Status.Code;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.reflection.v1.ServiceResponse;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The services beside generation. */
class ServicesTest {
  private static Loopback loopback;

  @BeforeAll
  static void start() throws Exception {
    loopback = Loopback.hashing();
  }

  @AfterAll
  static void stop() {
    loopback.close();
  }

  @Test
  void tokensComeWithTheirPlacesInTheText() {
    TokenizeResponse response =
        tokenization().tokenize(TokenizeRequest.newBuilder().setText("é!").build());

    assertThat(response.getTokensList())
        .containsExactly(
            token(256, "<bos>", 0, 0),
            Token.newBuilder()
                .setId(0xC3)
                .setPiece(ByteString.copyFrom(new byte[] {(byte) 0xC3}))
                .setBegin(0)
                .setEnd(1)
                .build(),
            Token.newBuilder()
                .setId(0xA9)
                .setPiece(ByteString.copyFrom(new byte[] {(byte) 0xA9}))
                .setBegin(1)
                .setEnd(2)
                .build(),
            token('!', "!", 2, 3));
  }

  @Test
  void specialTokensAreAddedAndReadAsAsked() {
    TokenizeResponse response =
        tokenization()
            .tokenize(
                TokenizeRequest.newBuilder()
                    .setText("a<eos>")
                    .setAddSpecialTokens(false)
                    .setParseSpecialTokens(true)
                    .build());

    assertThat(response.getTokensList())
        .containsExactly(token('a', "a", 0, 1), token(257, "<eos>", 1, 6));
  }

  @Test
  void idsBecomeText() {
    DetokenizeRequest request =
        DetokenizeRequest.newBuilder().addAllIds(List.of(256, 72, 105)).build();
    DetokenizeRequest skipping = request.toBuilder().setSkipSpecialTokens(true).build();

    assertThat(tokenization().detokenize(request).getText()).isEqualTo("<bos>Hi");
    assertThat(tokenization().detokenize(skipping).getText()).isEqualTo("Hi");
  }

  @Test
  void whatCannotBeTokenizedIsRefusedByItsField() {
    String text = "x".repeat(TokenizationService.MAX_TEXT_BYTES + 1);

    Errors tooLong =
        Errors.of(
            () -> tokenization().tokenize(TokenizeRequest.newBuilder().setText(text).build()));
    Errors noId =
        Errors.of(
            () ->
                tokenization()
                    .detokenize(DetokenizeRequest.newBuilder().addIds(1).addIds(258).build()));
    Errors noModel =
        Errors.of(
            () -> tokenization().tokenize(TokenizeRequest.newBuilder().setModel("x").build()));

    assertThat(tooLong.message()).isEqualTo("text: 1048577 bytes; allowed are at most 1048576");
    assertThat(noId.message()).startsWith("ids[1]: 258;");
    assertThat(noModel.code()).isEqualTo(Code.NOT_FOUND);
  }

  @Test
  void modelsAreListedAndFound() {
    var stub = ModelServiceGrpc.newBlockingStub(loopback.channel);

    assertThat(stub.listModels(ListModelsRequest.getDefaultInstance()).getModelsList())
        .singleElement()
        .satisfies(model -> assertThat(model.getName()).isEqualTo("tiny"));
    assertThat(stub.getModel(GetModelRequest.getDefaultInstance()).getModel().getContextLength())
        .isEqualTo(Loopback.CONTEXT);
    assertThat(
            Errors.of(() -> stub.getModel(GetModelRequest.newBuilder().setModel("x").build()))
                .reason())
        .isEqualTo("NOT_FOUND");
  }

  @Test
  void theEnginesCountersAreTold() {
    loopback.blocking().generate(Loopback.request("Hello", 3)).forEachRemaining(response -> {});

    EngineStats stats = loopback.stats();

    assertThat(stats.getAt().getSeconds()).isPositive();
    assertThat(stats.getKvBlocksTotal()).isEqualTo(Loopback.SETTINGS.kvBlocks());
    assertThat(stats.getKvBlockSize()).isEqualTo(Loopback.SETTINGS.blockSize());
    assertThat(stats.getPromptTokens()).isEqualTo(6);
    assertThat(stats.getCompletionTokens()).isEqualTo(3);
    assertThat(stats.getRequestsFinished()).isEqualTo(1);
    assertThat(stats.getSteps()).isPositive();
  }

  @Test
  void reflectionListsTheServices() throws Exception {
    CompletableFuture<List<String>> services = new CompletableFuture<>();
    StreamObserver<ServerReflectionRequest> requests =
        ServerReflectionGrpc.newStub(loopback.channel)
            .serverReflectionInfo(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ServerReflectionResponse response) {
                    services.complete(
                        response.getListServicesResponse().getServiceList().stream()
                            .map(ServiceResponse::getName)
                            .toList());
                  }

                  @Override
                  public void onError(Throwable failure) {
                    services.completeExceptionally(failure);
                  }

                  @Override
                  public void onCompleted() {}
                });
    requests.onNext(ServerReflectionRequest.newBuilder().setListServices("").build());

    assertThat(services.get(Loopback.PATIENCE.toSeconds(), TimeUnit.SECONDS))
        .containsExactlyInAnyOrder(
            "millrace.v1.TextGenerationService",
            "millrace.v1.TokenizationService",
            "millrace.v1.ModelService",
            "millrace.v1.EngineService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection");
    requests.onCompleted();
  }

  @Test
  void aPortInUseIsSaidSo() {
    assertThatThrownBy(
            () ->
                GrpcServer.start(
                    "127.0.0.1", loopback.server.port(), Optional.empty(), new ServedModels()))
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith("can't listen on 127.0.0.1:" + loopback.server.port())
        .hasMessageContaining("in use");
    assertThatThrownBy(
            () -> GrpcServer.start("::no:address", 0, Optional.empty(), new ServedModels()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("::no:address");
  }

  @Test
  void connectionsBeyondTheLimitAreClosedUntilOthersEnd() throws Exception {
    TransportLimits all = TransportLimits.DEFAULT;
    TransportLimits two =
        new TransportLimits(
            2,
            all.maxMessageBytes(),
            all.maxMetadataBytes(),
            all.maxCallsPerConnection(),
            all.windowBytes(),
            all.maxResets(),
            all.resetPeriod(),
            all.keepAlive(),
            all.keepAliveTimeout(),
            all.permitKeepAlive());
    GrpcServer server = GrpcServer.start("127.0.0.1", 0, Optional.empty(), new ServedModels(), two);
    try (Socket staying = open(server)) {
      try (Socket leaving = open(server);
          Socket third = open(server)) {
        assertThat(isTaken(staying)).isTrue();
        assertThat(isTaken(leaving)).isTrue();
        assertThat(isTaken(third)).isFalse();
      }
      Await.until(
          "there is room again",
          () -> {
            try (Socket next = open(server)) {
              return isTaken(next);
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
    } finally {
      server.close();
    }
  }

  private static Socket open(GrpcServer server) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port());
    socket.setSoTimeout((int) Loopback.PATIENCE.toMillis());
    return socket;
  }

  /** A server of HTTP/2 speaks first; one that doesn't want us closes. */
  private static boolean isTaken(Socket socket) throws IOException {
    try {
      return socket.getInputStream().read() >= 0;
    } catch (SocketException reset) {
      return false;
    }
  }

  @Test
  void keepAliveEndsAConnectionWhoseOtherHalfIsGone() throws Exception {
    TransportLimits all = TransportLimits.DEFAULT;
    TransportLimits impatient =
        new TransportLimits(
            all.maxConnections(),
            all.maxMessageBytes(),
            all.maxMetadataBytes(),
            all.maxCallsPerConnection(),
            all.windowBytes(),
            all.maxResets(),
            all.resetPeriod(),
            Duration.ofMillis(100), // gRPC makes it 10 s, which this test then takes
            Duration.ofMillis(100),
            all.permitKeepAlive());
    GrpcServer server =
        GrpcServer.start("127.0.0.1", 0, Optional.empty(), new ServedModels(), impatient);
    try (Socket silent = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
      silent.setSoTimeout((int) Loopback.PATIENCE.toMillis());
      OutputStream out = silent.getOutputStream();
      // HTTP/2's preface and empty SETTINGS; then nothing, not even answers to pings.
      out.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      out.write(new byte[] {0, 0, 0, 4, 0, 0, 0, 0, 0});
      out.flush();

      InputStream in = silent.getInputStream();
      long read = in.transferTo(OutputStream.nullOutputStream()); // ends when the server closes

      assertThat(read).isPositive();
    } finally {
      server.close();
    }
  }

  private static TokenizationServiceBlockingStub tokenization() {
    return TokenizationServiceGrpc.newBlockingStub(loopback.channel);
  }

  private static Token token(int id, String piece, int begin, int end) {
    return Token.newBuilder()
        .setId(id)
        .setPiece(ByteString.copyFromUtf8(piece))
        .setBegin(begin)
        .setEnd(end)
        .build();
  }
}
