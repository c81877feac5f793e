package dev.millrace.distribution;

import dev.millrace.client.ClientSettings;
import dev.millrace.client.MillraceClient;
import dev.millrace.client.Target;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.StopCriteria;
import io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
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
  private static final int TOKENS = 4_000; // of a request
  private static final GenerateRequest REQUEST =
      GenerateRequest.newBuilder()
          .setText("It is easy")
          .setStop(StopCriteria.newBuilder().setMaxTokens(TOKENS).setIgnoreEos(true))
          .build();

  private StreamingBenchmark() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    int streams = args.length > 0 ? Integer.parseInt(args[0]) : 64;
    int seconds = args.length > 1 ? Integer.parseInt(args[1]) : 10;
    try (FreeServer server = FreeServer.start(streams)) {
      measure("127.0.0.1:" + server.port(), streams, seconds);
    }
  }

  /** Prints tokens/s of each second. */
  private static void measure(String target, int streams, int seconds) throws InterruptedException {
    LongAdder tokens = new LongAdder();
    ClientSettings client =
        ClientSettings.builder().channel(NettyChannelBuilder::directExecutor).build();
    try (MillraceClient connected = MillraceClient.connect(Target.parseAll(target), client)) {
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
