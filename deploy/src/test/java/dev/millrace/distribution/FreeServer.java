package dev.millrace.distribution;

import dev.millrace.engine.EngineLoop;
import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.EngineSnapshot;
import dev.millrace.engine.StepModel;
import dev.millrace.engine.StepPlan;
import dev.millrace.grpc.GrpcServer;
import dev.millrace.grpc.ServedModel;
import dev.millrace.grpc.ServedModels;
import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Numerics;
import dev.millrace.model.ModelFile;
import dev.millrace.pipeline.EngineGenerator;
import dev.millrace.request.ModelProfile;
import dev.millrace.request.SamplingDefaults;
import dev.millrace.sampling.SampledToken;
import dev.millrace.synthetic.SyntheticModels;
import dev.millrace.tokenizer.Tokenizer;
import dev.millrace.tokenizer.Tokenizers;
import dev.millrace.v1.Model;
import java.io.IOException;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A server in this process whose model costs nothing: every token is the same letter. */
final class FreeServer implements AutoCloseable {
  private static final int CONTEXT = 1 << 20;
  private static final int BLOCK_SIZE = 1024;

  private final ExecutorService delivery = Executors.newFixedThreadPool(2);
  private final EngineLoop engine;
  private final GrpcServer server;

  private record FreeModel(int contextLength) implements StepModel {
    private static final SampledToken LETTER = new SampledToken('a', Float.NaN, 0, List.of());

    @Override
    public List<List<SampledToken>> step(StepPlan plan) {
      return Collections.nCopies(plan.samples(), List.of(LETTER));
    }

    @Override
    public void close() {}
  }

  /**
   * @param streams that can run at the same time, all of them together with {@link #CONTEXT}
   *     positions and some blocks each
   */
  static FreeServer start(int streams) throws IOException {
    int blocks = CONTEXT / BLOCK_SIZE + 8 * streams;
    return new FreeServer(
        new EngineSettings(blocks, BLOCK_SIZE, 512, streams, streams, Duration.ofSeconds(30)));
  }

  private FreeServer(EngineSettings settings) throws IOException {
    try (ModelFile file = SyntheticModels.tiny()) {
      Tokenizer tokenizer = Tokenizers.from(file.metadata());
      ModelProfile profile =
          ModelProfile.of(
              "free",
              file.fingerprint(),
              tokenizer,
              CONTEXT,
              (int) settings.poolTokens(),
              SamplingDefaults.OF_CONTRACT,
              Numerics.of(ActivationPrecision.INT8));
      Model description = Model.newBuilder().setName("free").setContextLength(CONTEXT).build();
      ServedModels models = new ServedModels();
      engine = EngineLoop.start(settings, new FreeModel(CONTEXT), tokenizer);
      server = GrpcServer.start("127.0.0.1", 0, Optional.empty(), models);
      models.publish(
          List.of(
              new ServedModel(
                  "free", profile, description, engine, new EngineGenerator(engine, delivery))));
    }
  }

  int port() {
    return server.port();
  }

  EngineSnapshot engine() {
    return engine.snapshot();
  }

  @Override
  public void close() {
    server.close();
    engine.close();
    delivery.shutdown();
  }
}
