package dev.millrace.grpc;

import dev.millrace.engine.Await;
import dev.millrace.engine.Engine;
import dev.millrace.engine.EngineLoop;
import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.HashModel;
import dev.millrace.engine.StepPlan;
import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Numerics;
import dev.millrace.pipeline.EngineGenerator;
import dev.millrace.pipeline.Generator;
import dev.millrace.request.ByteTokenizer;
import dev.millrace.request.ModelProfile;
import dev.millrace.request.SamplingDefaults;
import dev.millrace.security.ApiKeys;
import dev.millrace.tokenizer.Tokenizer;
import dev.millrace.v1.EngineServiceGrpc;
import dev.millrace.v1.EngineStats;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GetEngineStatsRequest;
import dev.millrace.v1.Model;
import dev.millrace.v1.TextGenerationServiceGrpc;
import dev.millrace.v1.TextGenerationServiceGrpc.TextGenerationServiceBlockingStub;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A server on a free port with a model that hashes contexts, and a channel to it. */
final class Loopback implements AutoCloseable {
  static final EngineSettings SETTINGS =
      new EngineSettings(64, 16, 64, 8, 8, Duration.ofSeconds(30));
  static final int CONTEXT = 512;
  static final Duration PATIENCE = Duration.ofSeconds(20);

  private final ExecutorService delivery = Executors.newFixedThreadPool(2);
  final ServedModels models = new ServedModels();
  final Engine engine;
  final GrpcServer server;
  final ManagedChannel channel;

  /** The real engine. */
  static Loopback hashing() throws IOException {
    return hashing(plan -> {});
  }

  /** The real engine; each step waits for the hook. */
  static Loopback hashing(Consumer<StepPlan> beforeStep) throws IOException {
    return hashing(SETTINGS, beforeStep);
  }

  static Loopback hashing(EngineSettings settings, Consumer<StepPlan> beforeStep)
      throws IOException {
    Loopback loopback = new Loopback(settings, beforeStep);
    loopback.serve(new EngineGenerator(loopback.engine, loopback.delivery));
    return loopback;
  }

  /** The real engine, for callers that show a key. */
  static Loopback locked(ApiKeys keys) throws IOException {
    Loopback loopback = new Loopback(SETTINGS, Optional.of(keys), plan -> {});
    loopback.serve(new EngineGenerator(loopback.engine, loopback.delivery));
    return loopback;
  }

  /** Answers what the generator says. */
  static Loopback scripted(Generator generator) throws IOException {
    Loopback loopback = new Loopback(SETTINGS, plan -> {});
    loopback.serve(generator);
    return loopback;
  }

  /** Listens, without models. */
  static Loopback starting() throws IOException {
    return new Loopback(SETTINGS, plan -> {});
  }

  private Loopback(EngineSettings settings, Consumer<StepPlan> beforeStep) throws IOException {
    this(settings, Optional.empty(), beforeStep);
  }

  private Loopback(EngineSettings settings, Optional<ApiKeys> keys, Consumer<StepPlan> beforeStep)
      throws IOException {
    // ASCII only: every token is a character.
    HashModel model = new HashModel(settings, CONTEXT, 128).beforeStep(beforeStep);
    engine = EngineLoop.start(settings, model, new ByteTokenizer());
    server = GrpcServer.start("127.0.0.1", 0, keys, models);
    channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port()).usePlaintext().build();
  }

  void serve(Generator generator) {
    serve(generator, new ByteTokenizer());
  }

  void serve(Generator generator, Tokenizer tokenizer) {
    ModelProfile profile =
        ModelProfile.of(
            "tiny",
            "ab".repeat(32),
            tokenizer,
            CONTEXT,
            (int) SETTINGS.poolTokens(),
            SamplingDefaults.OF_CONTRACT,
            Numerics.of(ActivationPrecision.INT8));
    Model description = Model.newBuilder().setName("tiny").setContextLength(CONTEXT).build();
    models.publish(
        List.of(new ServedModel("path/to/tiny.gguf", profile, description, engine, generator)));
    server.refreshHealth();
  }

  TextGenerationServiceBlockingStub blocking() {
    return TextGenerationServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(PATIENCE.toSeconds(), TimeUnit.SECONDS);
  }

  EngineStats stats() {
    return EngineServiceGrpc.newBlockingStub(channel)
        .getEngineStats(GetEngineStatsRequest.getDefaultInstance())
        .getStats();
  }

  static GenerateRequest request(String text, int maxTokens) {
    GenerateRequest.Builder request = GenerateRequest.newBuilder().setText(text);
    request.getStopBuilder().setMaxTokens(maxTokens).setIgnoreEos(true);
    return request.build();
  }

  @Override
  public void close() {
    channel.shutdownNow();
    server.close();
    engine.close();
    delivery.shutdown();
    Await.until("the channel is closed", channel::isTerminated);
  }
}
