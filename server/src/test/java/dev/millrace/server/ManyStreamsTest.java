package dev.millrace.server;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.millrace.engine.Await;
import dev.millrace.v1.EngineStats;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.ResourceLeakDetector;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/**
 * Many streams at once, some of which go away, leave nothing behind and don't change each other.
 */
class ManyStreamsTest {
  private static final int STREAMS = 64;
  private static final int CANCELLED_EVERY = 4;
  private static final int TOKENS = 24;

  /** Of a stream that is cancelled: more than a server can have sent before it hears of that. */
  private static final int TOKENS_OF_CANCELLED = 1_500;

  private final Logger leakLog = (Logger) LoggerFactory.getLogger(ResourceLeakDetector.class);
  private final ListAppender<ILoggingEvent> leaks = new ListAppender<>();
  private ResourceLeakDetector.Level levelBefore;

  @BeforeEach
  void watchForLeaks() {
    levelBefore = ResourceLeakDetector.getLevel();
    ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.PARANOID);
    leakLog.addAppender(leaks);
    leakLog.setAdditive(false);
    leaks.start();
  }

  @AfterEach
  void stopWatching() {
    leakLog.setAdditive(true);
    leakLog.detachAppender(leaks);
    ResourceLeakDetector.setLevel(levelBefore);
  }

  @Test
  void streamsSayTheSameAsAloneAndNothingLeaks() throws Exception {
    try (MillraceServer server = Servers.start(Map.of("--max-running", List.of("24")))) {
      ManagedChannel channel = Servers.channel(server);
      List<String> alone = new ArrayList<>();
      for (int i = 0; i < STREAMS; i++) {
        alone.add(text(channel, i));
      }

      List<String> together = new ArrayList<>();
      try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
        List<Future<String>> texts = new ArrayList<>();
        for (int i = 0; i < STREAMS; i++) {
          int stream = i;
          texts.add(callers.submit(() -> text(channel, stream)));
        }
        for (Future<String> text : texts) {
          together.add(text.get());
        }
      }

      for (int i = 0; i < STREAMS; i++) {
        assertThat(together.get(i)).as("stream %d", i).isEqualTo(alone.get(i));
      }
      Await.until(
          "nothing runs", () -> MillraceServerTest.stats(channel, "").getRunningSequences() == 0);
      EngineStats stats = MillraceServerTest.stats(channel, "");
      assertThat(stats.getKvBlocksInUse()).isZero();
      assertThat(stats.getWaitingSequences()).isZero();
      assertThat(stats.getRequestsFinished() + stats.getRequestsCancelled())
          .isEqualTo(2L * STREAMS);
      assertThat(stats.getRequestsCancelled()).isEqualTo(2L * STREAMS / CANCELLED_EVERY);
      assertThat(stats.getRequestsFailed()).isZero();
      channel.shutdownNow();
      Await.until("the channel is closed", channel::isTerminated);
    }

    assertThat(leaksFound()).isEmpty();
    // The server's threads are all named so; gRPC's own are this test's client's, and other tests'.
    Await.until("no thread is left", () -> !MillraceServerTest.anyThread("millrace-"));
  }

  @Test
  @SuppressWarnings("CheckReturnValue") // that's the leak
  void aLeakWouldBeFound() {
    ByteBufAllocator.DEFAULT.buffer(64).touch("leaked by the test");

    assertThat(leaksFound())
        .anySatisfy(event -> assertThat(event.getFormattedMessage()).contains("LEAK"));
  }

  /** Leaks are noticed by the collector, and reported with the next buffers. */
  private List<ILoggingEvent> leaksFound() {
    for (int round = 0; round < 5; round++) {
      System.gc();
      for (int i = 0; i < 200; i++) {
        ByteBuf buffer = ByteBufAllocator.DEFAULT.buffer(64);
        buffer.release();
      }
    }
    return leaks.list;
  }

  /** A stream's text; of one that is cancelled, what its first few messages have. */
  private static String text(ManagedChannel channel, int stream) {
    boolean cancelled = stream % CANCELLED_EVERY == 0;
    int messages = cancelled ? 3 + stream % 16 : Integer.MAX_VALUE;
    int tokens = cancelled ? TOKENS_OF_CANCELLED : TOKENS;
    GenerateRequest.Builder request =
        MillraceServerTest.request("Stream " + stream + " of many", tokens).toBuilder();
    request.getSamplingBuilder().setTemperature(stream % 3).setSeed(stream);
    StringBuilder text = new StringBuilder();
    try (Context.CancellableContext context = Context.current().withCancellation()) {
      context.run(
          () -> {
            Iterator<GenerateResponse> responses =
                MillraceServerTest.stub(channel).generate(request.build());
            for (int i = 0; i < messages && responses.hasNext(); i++) {
              text.append(responses.next().getDelta().getText());
            }
          });
    }
    return text.toString();
  }
}
