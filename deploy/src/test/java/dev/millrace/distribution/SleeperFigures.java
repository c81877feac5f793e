package dev.millrace.distribution;

import dev.millrace.client.MillraceClient;
import dev.millrace.server.MillraceServer;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.StopCriteria;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;

/**
 * What readers that take one message and then sleep cost those who read, on the same connection:
 * windows with and without them alternate. Not a test: run it from a shell, in deploy, alone on the
 * machine:
 *
 * <pre>
 *   mvn -q test-compile exec:exec -Dexec.executable=java -Dexec.classpathScope=test \
 *     -Dexec.args="--add-modules=jdk.incubator.vector -cp %classpath dev.millrace.distribution.SleeperFigures"
 * </pre>
 */
final class SleeperFigures {
  private static final int READERS = 8;
  private static final int SLEEPERS = 4;
  private static final int WINDOWS = 12; // with, and as many without
  private static final int MILLIS = 1_500; // of a window
  private static final int WARM_UP_MILLIS = 6_000;

  private SleeperFigures() {}

  /** Takes one message, and sleeps. */
  private static final class Sleeper extends BaseSubscriber<GenerateResponse> {
    @Override
    protected void hookOnSubscribe(Subscription subscription) {
      request(1);
    }
  }

  public static void main(String[] arguments) throws IOException, InterruptedException {
    try (MillraceServer server = TinyServer.start();
        MillraceClient client = MillraceClient.connect("127.0.0.1:" + server.port())) {
      LongAdder tokens = new LongAdder();
      Disposable readers =
          Flux.range(0, Integer.MAX_VALUE)
              .flatMap(
                  _ ->
                      client
                          .generate(request(800))
                          .doOnNext(event -> tokens.add(event.getDelta().getTokenIdsCount()))
                          .then(),
                  READERS,
                  1)
              .subscribe();
      Thread.sleep(WARM_UP_MILLIS);
      double[] ratios = new double[WINDOWS];
      for (int window = 0; window < WINDOWS; window++) {
        // Which comes first alternates, so that what drifts favours neither.
        double first = window % 2 == 0 ? alone(tokens) : besideSleepers(client, tokens);
        double second = window % 2 == 0 ? besideSleepers(client, tokens) : alone(tokens);
        ratios[window] = window % 2 == 0 ? second / first : first / second;
        System.out.printf(
            "%,.0f tokens/s, then %,.0f; beside sleepers %.3f of alone%n",
            first, second, ratios[window]);
      }
      readers.dispose();
      Arrays.sort(ratios);
      System.out.printf(
          "median of %d: %.3f, from %.3f to %.3f%n",
          WINDOWS, ratios[WINDOWS / 2], ratios[0], ratios[WINDOWS - 1]);
    }
  }

  private static double alone(LongAdder tokens) throws InterruptedException {
    return tokensPerSecond(tokens);
  }

  private static double besideSleepers(MillraceClient client, LongAdder tokens)
      throws InterruptedException {
    List<Sleeper> sleepers = new ArrayList<>();
    for (int i = 0; i < SLEEPERS; i++) {
      Sleeper sleeper = new Sleeper();
      sleepers.add(sleeper);
      client.generate(request(1_000)).subscribe(sleeper);
    }
    double speed = tokensPerSecond(tokens);
    sleepers.forEach(Sleeper::cancel);
    return speed;
  }

  /** Of a window that begins some time after whatever changed. */
  private static double tokensPerSecond(LongAdder tokens) throws InterruptedException {
    Thread.sleep(MILLIS / 5);
    long before = tokens.sum();
    long begun = System.nanoTime();
    Thread.sleep(MILLIS);
    return (tokens.sum() - before) * 1e9 / (System.nanoTime() - begun);
  }

  private static GenerateRequest request(int tokens) {
    return GenerateRequest.newBuilder()
        .setText("It is easy")
        .setStop(StopCriteria.newBuilder().setMaxTokens(tokens).setIgnoreEos(true))
        .build();
  }
}
