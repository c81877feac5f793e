package dev.millrace.distribution;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.client.ClientSettings;
import dev.millrace.client.MillraceClient;
import dev.millrace.client.Target;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.StopCriteria;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;

/**
 * Demand through an HTTP/2 proxy: what it reads ahead of a reader that sleeps is bounded, and other
 * callers go on. Skipped where the proxy isn't installed. docs/client.md has the bounds.
 */
@Timeout(120)
class ProxyTest {
  private static final int ENDLESS = 900_000;

  /** Bytes on the wire of a message of one letter. */
  private static final int MESSAGE_BYTES = 16;

  /** HAProxy's window and two of its buffers, each 16 KiB; the rest as without it. */
  private static final int HAPROXY_TOKENS = (65_535 + 2 * 16_384) / MESSAGE_BYTES + 64;

  private static final int HAPROXY_SMALL_TOKENS = (1_024 + 2 * 16_384) / MESSAGE_BYTES + 64;

  @TempDir Path folder;

  @Test
  void aSleeperBehindHaProxyIsBoundedAndHoldsNobodyUp() throws Exception {
    assertThat(aheadBehindHaProxy("")).isLessThan(HAPROXY_TOKENS);
  }

  @Test
  void aSmallerWindowOfHaProxysBoundsIt() throws Exception {
    assertThat(aheadBehindHaProxy("tune.h2.initial-window-size 1024"))
        .isLessThan(HAPROXY_SMALL_TOKENS);
  }

  private long aheadBehindHaProxy(String global) throws Exception {
    try (FreeServer server = FreeServer.start(4)) {
      int port = freePort();
      Path config = folder.resolve("haproxy.cfg");
      Files.writeString(
          config,
          """
          global
            %s
          defaults
            mode http
            timeout connect 5s
            timeout client 60s
            timeout server 60s
          frontend all
            bind 127.0.0.1:%d proto h2
            default_backend millrace
          backend millrace
            http-reuse never
            server one 127.0.0.1:%d proto h2
          """
              .formatted(global, port, server.port()));
      Process proxy;
      try {
        proxy = Command.of("haproxy", "-db", "-f", config.toString()).start();
      } catch (IOException e) {
        throw Command.skip("no haproxy on this machine: " + e.getMessage());
      }
      try {
        awaitListening(port);
        return ahead(server, port);
      } finally {
        proxy.destroyForcibly().waitFor();
      }
    }
  }

  /**
   * How many tokens are decoded for a reader that takes one message; another, with a connection of
   * its own, reads meanwhile.
   */
  private static long ahead(FreeServer server, int port) throws Exception {
    List<Target> target = List.of(new Target("127.0.0.1", port));
    try (MillraceClient client = MillraceClient.connect(target, ClientSettings.defaults());
        MillraceClient other = MillraceClient.connect(target, ClientSettings.defaults())) {
      Sleeper sleeper = new Sleeper();
      client.generate(request(ENDLESS)).subscribe(sleeper);
      assertThat(sleeper.first.await(20, TimeUnit.SECONDS)).isTrue();
      long ahead = settled(server);

      Long events = other.generate(request(5_000)).count().block(Duration.ofSeconds(30));
      assertThat(events).isGreaterThanOrEqualTo(5_000);
      assertThat(settled(server) - 5_000).isEqualTo(ahead);
      sleeper.cancel();
      return ahead;
    }
  }

  /** Tokens decoded, once that is the same for half a second. */
  private static long settled(FreeServer server) throws InterruptedException {
    long last = -1;
    int looks = 0;
    for (int i = 0; i < 1_000 && looks < 25; i++) {
      long now = server.engine().completionTokens();
      looks = now == last ? looks + 1 : 0;
      last = now;
      TimeUnit.MILLISECONDS.sleep(20);
    }
    return last;
  }

  private static GenerateRequest request(int tokens) {
    return GenerateRequest.newBuilder()
        .setText("It is easy")
        .setStop(StopCriteria.newBuilder().setMaxTokens(tokens).setIgnoreEos(true))
        .build();
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private static void awaitListening(int port) throws InterruptedException {
    for (int i = 0; i < 500; i++) {
      try (Socket _ = new Socket(InetAddress.getLoopbackAddress(), port)) {
        return;
      } catch (IOException notYet) {
        TimeUnit.MILLISECONDS.sleep(20);
      }
    }
    throw new AssertionError("the proxy doesn't listen on " + port);
  }

  /** Takes one message. */
  private static final class Sleeper extends BaseSubscriber<GenerateResponse> {
    private final CountDownLatch first = new CountDownLatch(1);

    @Override
    protected void hookOnSubscribe(Subscription subscription) {
      request(1);
    }

    @Override
    protected void hookOnNext(GenerateResponse event) {
      first.countDown();
    }
  }
}
