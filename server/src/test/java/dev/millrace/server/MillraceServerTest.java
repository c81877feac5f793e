package dev.millrace.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.common.collect.Lists;
import dev.millrace.catalog.FetchProgress;
import dev.millrace.catalog.ModelUnavailableException;
import dev.millrace.config.InvalidSettingException;
import dev.millrace.engine.Await;
import dev.millrace.v1.EngineServiceGrpc;
import dev.millrace.v1.EngineStats;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.GetEngineStatsRequest;
import dev.millrace.v1.ListModelsRequest;
import dev.millrace.v1.Model;
import dev.millrace.v1.ModelServiceGrpc;
import dev.millrace.v1.RenderChatRequest;
import dev.millrace.v1.RenderChatResponse;
import dev.millrace.v1.TextGenerationServiceGrpc;
import dev.millrace.v1.TextGenerationServiceGrpc.TextGenerationServiceBlockingStub;
import dev.millrace.v1.TokenizationServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Everything together: catalogue, network, engine and door. */
class MillraceServerTest {
  @Test
  void aServerStreamsFromAModelAndTellsOfIt() throws Exception {
    try (MillraceServer server = Servers.start(Map.of())) {
      ManagedChannel channel = Servers.channel(server);

      List<GenerateResponse> events =
          Lists.newArrayList(stub(channel).generate(request("It is easy", 8)));

      assertThat(events.getFirst().getStarted().getModel()).isEqualTo("synthetic:tiny");
      assertThat(events.getLast().getSummary().getUsage().getCompletionTokens()).isEqualTo(8);
      Model model =
          ModelServiceGrpc.newBlockingStub(channel)
              .listModels(ListModelsRequest.getDefaultInstance())
              .getModels(0);
      assertThat(model.getName()).isEqualTo("synthetic:tiny");
      assertThat(model.getArchitecture()).isEqualTo("llama");
      assertThat(model.getParameterCount()).isPositive();
      assertThat(model.getWeightType()).isNotEmpty();
      assertThat(model.getVocabularySize()).isPositive();
      assertThat(model.getFingerprint()).matches("[0-9a-f]{64}");
      assertThat(health(channel)).isEqualTo(ServingStatus.SERVING);
      channel.shutdownNow();
    }
  }

  @Test
  void nobodyEndsATurnByWritingASpecialToken() throws Exception {
    try (MillraceServer server = Servers.start(Map.of())) {
      ManagedChannel channel = Servers.channel(server);
      RenderChatRequest.Builder request = RenderChatRequest.newBuilder();
      request.getChatBuilder().addMessagesBuilder().setRole("user").setContent("<|eos|>");

      RenderChatResponse rendered =
          TokenizationServiceGrpc.newBlockingStub(channel).renderChat(request.build());

      assertThat(rendered.getText()).isEqualTo("<|bos|>user: <|eos|><|eos|>\nassistant: ");
      assertThat(rendered.getTokenIdsList()).startsWith(256).containsOnlyOnce(257);
      channel.shutdownNow();
    }
  }

  @Test
  void warmingUpLeavesNoTraceInTheCounters() throws Exception {
    try (MillraceServer server = Servers.start(Map.of())) {
      ManagedChannel channel = Servers.channel(server);

      EngineStats stats = stats(channel, "");

      assertThat(stats.getSteps()).isZero();
      assertThat(stats.getPrefillTokensComputed()).isZero();
      assertThat(stats.getKvBlocksInUse()).isZero();
      channel.shutdownNow();
    }
  }

  @Test
  void theKernelsDontChangeTheAnswer() throws Exception {
    GenerateRequest.Builder request = request("It is easy", 20).toBuilder();
    request.getSamplingBuilder().setTemperature(1).setSeed(7);

    assertThat(answer(Map.of("--kernels", List.of("scalar")), request.build()))
        .isEqualTo(answer(Map.of("--threads", List.of("1")), request.build()));
  }

  private static String answer(Map<String, List<String>> flags, GenerateRequest request)
      throws Exception {
    try (MillraceServer server = Servers.start(flags)) {
      ManagedChannel channel = Servers.channel(server);
      StringBuilder text = new StringBuilder();
      stub(channel)
          .generate(request)
          .forEachRemaining(response -> text.append(response.getDelta()));
      channel.shutdownNow();
      return text.toString();
    }
  }

  @Test
  void severalModelsEachHaveAnEngineAndShareTheCache() throws Exception {
    Map<String, List<String>> both =
        Map.of("--model", List.of("synthetic:tiny", "synthetic:tiny:F32"));
    try (MillraceServer server = Servers.start(both)) {
      ManagedChannel channel = Servers.channel(server);
      GenerateRequest second =
          request("It is easy", 3).toBuilder().setModel("synthetic:tiny:F32").build();

      stub(channel).generate(second).forEachRemaining(response -> {});

      assertThat(stats(channel, "synthetic:tiny:F32").getRequestsFinished()).isEqualTo(1);
      assertThat(stats(channel, "").getRequestsFinished()).isZero();
      channel.shutdownNow();
    }
  }

  @Test
  void whatCannotBeServedIsSaidSo() {
    Map<String, List<String>> twice =
        Map.of("--model", List.of("synthetic:tiny", "synthetic:tiny"));

    assertThatThrownBy(() -> Servers.start(twice))
        .isInstanceOf(InvalidSettingException.class)
        .hasMessage("--model: two models would be called synthetic:tiny");
    assertThatThrownBy(() -> Servers.start(Map.of("--model", List.of("no/such/file.gguf"))))
        .isInstanceOf(ModelUnavailableException.class)
        .hasMessageContaining("no/such/file.gguf");
    assertThatThrownBy(
            () ->
                Servers.start(
                    Map.of(
                        "--model", List.of("synthetic:smollm2-135m"),
                        "--kv-cache-mib", List.of("1"),
                        "--kv-type", List.of("f32"))))
        .isInstanceOf(InvalidSettingException.class)
        .hasMessageStartingWith("--kv-cache-mib: synthetic:smollm2-135m gets 1024 KiB");
  }

  @Test
  void untilItsModelsAreLoadedAServerSaysThatItIsStarting() throws Exception {
    try (MillraceServer server =
        MillraceServer.listen(Servers.settings(Map.of()), FetchProgress.silent())) {
      ManagedChannel channel = Servers.channel(server);

      StatusRuntimeException refused =
          failure(() -> stub(channel).generate(request("x", 1)).next());

      assertThat(refused.getStatus().getCode()).isEqualTo(Code.UNAVAILABLE);
      assertThat(health(channel)).isEqualTo(ServingStatus.NOT_SERVING);
      channel.shutdownNow();
    }
  }

  @Test
  void drainingLetsStreamsFinishWithinTheGrace() throws Exception {
    try (MillraceServer server = Servers.start(Map.of())) {
      ManagedChannel channel = Servers.channel(server);
      Iterator<GenerateResponse> responses = stub(channel).generate(request("It is easy", 100));
      responses.next();

      Thread drainer = Thread.ofVirtual().start(() -> server.drain(Duration.ofSeconds(20)));
      int[] rest = {0};
      responses.forEachRemaining(response -> rest[0]++);

      assertThat(rest[0]).isEqualTo(103);
      drainer.join();
      server.awaitTermination();
      channel.shutdownNow();
    }
  }

  @Test
  void whatOutlastsTheGraceEndsWithUnavailableForOthersToGoOn() throws Exception {
    try (MillraceServer server = Servers.start(Map.of("--kernels", List.of("scalar")))) {
      ManagedChannel channel = Servers.channel(server);
      Iterator<GenerateResponse> responses = stub(channel).generate(longRequest());
      for (int i = 0; i < 4; i++) {
        responses.next();
      }

      server.drain(Duration.ZERO);

      StatusRuntimeException ended = failure(() -> responses.forEachRemaining(response -> {}));
      assertThat(ended.getStatus().getCode()).isEqualTo(Code.UNAVAILABLE);
      assertThat(ended.getStatus().getDescription()).contains("shutting down");
      channel.shutdownNow();
    }
  }

  @Test
  void closingWhileModelsLoadEndsTheLoading() throws Exception {
    MillraceServer server =
        MillraceServer.listen(Servers.settings(Map.of()), FetchProgress.silent());
    Thread loading = Thread.ofPlatform().start(server::serve);

    server.close();

    loading.join();
    Await.until("nothing of it is left", () -> !anyThread("millrace-engine"));
  }

  /** As much as the context holds. */
  private static GenerateRequest longRequest() {
    GenerateRequest.Builder request = GenerateRequest.newBuilder().setText("It is easy");
    request.getStopBuilder().setIgnoreEos(true);
    return request.build();
  }

  static boolean anyThread(String prefix) {
    return Thread.getAllStackTraces().keySet().stream()
        .anyMatch(thread -> thread.getName().startsWith(prefix));
  }

  static GenerateRequest request(String text, int maxTokens) {
    GenerateRequest.Builder request = GenerateRequest.newBuilder().setText(text);
    request.getStopBuilder().setMaxTokens(maxTokens).setIgnoreEos(true);
    return request.build();
  }

  static TextGenerationServiceBlockingStub stub(ManagedChannel channel) {
    return TextGenerationServiceGrpc.newBlockingStub(channel);
  }

  static EngineStats stats(ManagedChannel channel, String model) {
    return EngineServiceGrpc.newBlockingStub(channel)
        .getEngineStats(GetEngineStatsRequest.newBuilder().setModel(model).build())
        .getStats();
  }

  private static ServingStatus health(ManagedChannel channel) {
    return HealthGrpc.newBlockingStub(channel)
        .check(HealthCheckRequest.getDefaultInstance())
        .getStatus();
  }

  private static StatusRuntimeException failure(Runnable call) {
    StatusRuntimeException failure = catchThrowableOfType(StatusRuntimeException.class, call::run);
    assertThat(failure).isNotNull();
    return failure;
  }
}
