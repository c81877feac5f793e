package dev.millrace.soak;

import dev.millrace.client.MillraceClient;
import dev.millrace.client.MillraceException;
import dev.millrace.v1.GenerateRequest;
import java.io.IOException;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A client in a process of its own, with some streams under way until it is killed. It can't tell
 * what it has heard: only its server's log can.
 */
final class Victim {
  private static final int STREAMS = 6;
  private static final List<String> SMALL =
      List.of("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");

  private Victim() {}

  /**
   * @param arguments the server's target, the catalogue's seed, a name, a seed of its own
   */
  public static void main(String[] arguments) throws InterruptedException {
    Catalogue catalogue = new Catalogue(new Random(Long.parseLong(arguments[1])));
    MillraceClient client = MillraceClient.connect(arguments[0]);
    for (int i = 0; i < STREAMS; i++) {
      String name = arguments[2] + "-" + i;
      Random random = new Random(Long.parseLong(arguments[3]) + i);
      Thread.ofVirtual().start(() -> ask(catalogue, client, name, random));
    }
    TimeUnit.HOURS.sleep(1); // it doesn't live that long
  }

  private static void ask(Catalogue catalogue, MillraceClient client, String name, Random random) {
    for (int i = 0; ; i++) {
      GenerateRequest request =
          catalogue.requests().get(random.nextInt(catalogue.requests().size())).toBuilder()
              .setRequestId(name + "-" + i)
              .build();
      try {
        client.generate(request).blockLast();
      } catch (MillraceException e) {
        System.err.println(e.getMessage()); // a full queue
      }
    }
  }

  static Process start(String target, long catalogueSeed, String name, long seed)
      throws IOException {
    return SoakServer.java(
            Stream.concat(
                    SMALL.stream(),
                    Stream.of(
                        Victim.class.getName(),
                        target,
                        Long.toString(catalogueSeed),
                        name,
                        Long.toString(seed)))
                .toList())
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
  }
}
