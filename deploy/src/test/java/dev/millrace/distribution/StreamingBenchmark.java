package dev.millrace.distribution;

import dev.millrace.client.ClientSettings;
import dev.millrace.client.MillraceClient;
import dev.millrace.engine.EngineLoop;
import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.StepModel;
import dev.millrace.engine.StepPlan;
import dev.millrace.grpc.GrpcServer;
import dev.millrace.grpc.ServedModel;
import dev.millrace.grpc.ServedModels;
import dev.millrace.model.ModelFile;
import dev.millrace.pipeline.EngineGenerator;
import dev.millrace.request.ModelProfile;
import dev.millrace.request.SamplingDefaults;
import dev.millrace.sampling.SampledToken;
import dev.millrace.synthetic.SyntheticModels;
import dev.millrace.tokenizer.Tokenizer;
import dev.millrace.tokenizer.Tokenizers;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.Model;
import dev.millrace.v1.StopCriteria;
import io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.LongAdder;
import reactor.core.publisher.Flux;

/**
 * What everything but the network costs: a model whose steps take no time, streamed through engine,
 * gRPC and client, all in this process, one message a token. Not a test: run it from a shell, in
 * deploy:
 *
 * <pre>
 *   mvn -q test-compile exec:exec -Dexec.executable=java -Dexec.classpathScope=test \
 *     -Dexec.args="-cp %classpath dev.millrace.distribution.StreamingBenchmark [STREAMS [SECONDS]]"
 * </pre>
 */
final class StreamingBenchmark {
  private static final int CONTEXT = 1 << 20;
  private static final int BLOCK_SIZE = 1024;
  private static final int TOKENS = 4_000; // of a request
  private static final GenerateRequest REQUEST =
      GenerateRequest.newBuilder()
          .setText("It is easy")
          .setStop(StopCriteria.newBuilder().setMaxTokens(TOKENS).setIgnoreEos(true))
          .build();

  private StreamingBenchmark() {}

  /** Every token is a letter, at no cost. */
  private record FreeModel(int contextLength) implements StepModel {
    private static final SampledToken LETTER = new SampledToken('a', Float.NaN, 0, List.of());

    @Override
    public List<SampledToken> step(StepPlan plan) {
      return Collections.nCopies(plan.samples(), LETTER);
    }

    @Override
    public void close() {}
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    int streams = args.length > 0 ? Integer.parseInt(args[0]) : 64;
    int seconds = args.length > 1 ? Integer.parseInt(args[1]) : 10;
    EngineSettings settings =
        new EngineSettings(
            streams * (TOKENS / BLOCK_SIZE + 2), BLOCK_SIZE, 512, streams, streams, Duration.ofSeconds(30));
    ExecutorService delivery = Executors.newFixedThreadPool(2);
    try (ModelFile file = SyntheticModels.tiny();
        EngineLoop engine =
            EngineLoop.start(settings, new FreeModel(CONTEXT), Tokenizers.from(file.metadata()))) {
      ServedModels models = new ServedModels();
      try (GrpcServer server = GrpcServer.start("127.0.0.1", 0, models)) {
        models.publish(List.of(served(file, engine, settings, delivery)));
        measure("127.0.0.1:" + server.port(), streams, seconds);
      }
    }
    delivery.shutdown();
  }

  private static ServedModel served(
      ModelFile file, EngineLoop engine, EngineSettings settings, ExecutorService delivery) {
    Tokenizer tokenizer = Tokenizers.from(file.metadata());
    ModelProfile profile =
        ModelProfile.of(
            "free",
            file.fingerprint(),
            tokenizer,
            CONTEXT,
            (int) settings.poolTokens(),
            SamplingDefaults.OF_CONTRACT);
    return new ServedModel(
        "free",
        profile,
        Model.newBuilder().setName("free").setContextLength(CONTEXT).build(),
        engine,
        new EngineGenerator(engine, delivery));
  }

  /** Prints tokens/s of each second. */
  private static void measure(String target, int streams, int seconds) throws InterruptedException {
    LongAdder tokens = new LongAdder();
    ClientSettings client =
        ClientSettings.builder().channel(NettyChannelBuilder::directExecutor).build();
    try (MillraceClient connected = MillraceClient.connect(target, client)) {
      var running =
          Flux.range(0, Integer.MAX_VALUE)
              .flatMap(
                  _ ->
                      connected
                          .generate(REQUEST)
                          .doOnNext(event -> tokens.add(event.getDelta().getTokenIdsCount()))
                          .then(),
                  streams,
                  1)
              .subscribe();
      for (int second = 0; second < seconds; second++) {
        long before = tokens.sum();
        long begin = System.nanoTime();
        Thread.sleep(1_000); // the measuring itself: nothing is waited for
        System.out.printf(
            "%,.0f tokens/s%n", (tokens.sum() - before) * 1e9 / (System.nanoTime() - begin));
      }
      running.dispose();
    }
  }
}
