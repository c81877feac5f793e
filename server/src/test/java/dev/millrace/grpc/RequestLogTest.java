package dev.millrace.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import dev.millrace.engine.Await;
import dev.millrace.engine.GenerationEvent;
import dev.millrace.engine.GenerationEvent.FinishReason;
import dev.millrace.v1.GenerateRequest;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class RequestLogTest {
  private final Logger log = (Logger) LoggerFactory.getLogger("dev.millrace.requests");
  private final Lines lines = new Lines();

  @BeforeEach
  void listen() {
    log.setLevel(Level.INFO);
    log.addAppender(lines);
    lines.start();
  }

  @AfterEach
  void stop() {
    log.detachAppender(lines);
    log.setLevel(null);
  }

  @Test
  void aRequestIsOneLineThatTellsWhatBecameOfItAndNothingOfItsText() throws Exception {
    try (Loopback loopback = Loopback.hashing()) {
      GenerateRequest request =
          Loopback.request("secret", 5).toBuilder().setRequestId("mine").build();
      loopback.blocking().generate(request).forEachRemaining(response -> {});

      Await.until("the line is written", () -> lines.all.size() == 1);
      assertThat(lines.all.getFirst())
          .containsEntry("method", "Generate")
          .containsEntry("request_id", "mine")
          .containsEntry("model", "tiny")
          .containsEntry("prompt_tokens", "7")
          .containsEntry("cached_tokens", "0")
          .containsEntry("completion_tokens", "5")
          .containsEntry("outcome", "max_tokens")
          .containsKeys("total_ms", "queued_ms", "prefill_ms", "decode_ms", "stalled_ms");
      assertThat(lines.all.getFirst()).containsEntry("caller", "127.0.0.1");
      assertThat(lines.all.getFirst().get("peer")).matches("127\\.0\\.0\\.1:\\d+");
      assertThat(lines.all.toString()).doesNotContain("secret");
    }
  }

  @Test
  void aRefusalIsALineToo() throws Exception {
    try (Loopback loopback = Loopback.hashing()) {
      GenerateRequest request =
          Loopback.request("secret", 5).toBuilder().setModel("huge").setRequestId("mine").build();
      var _ = Errors.of(() -> loopback.blocking().generate(request).next());

      Await.until("the line is written", () -> lines.all.size() == 1);
      assertThat(lines.all.getFirst())
          .containsEntry("request_id", "mine")
          .containsEntry("outcome", "NOT_FOUND:NOT_FOUND");
    }
  }

  @Test
  void aCallerThatGoesAwayIsALineToo() throws Exception {
    try (Loopback loopback = Loopback.hashing(plan -> LockSupport.parkNanos(10_000_000))) {
      var responses = loopback.blocking().generate(Loopback.request("secret", 400));
      for (int i = 0; i < 5; i++) {
        responses.next();
      }
      loopback.channel.shutdownNow();

      Await.until("the line is written", () -> lines.all.size() == 1);
      assertThat(lines.all.getFirst()).containsEntry("outcome", "cancelled");
      assertThat(Integer.parseInt(lines.all.getFirst().get("completion_tokens"))).isBetween(3, 399);
    }
  }

  @Test
  void aCallerThatGoesAwayWhenOnlyOneOfItsCandidatesHasEndedIsCancelled() {
    CallRecord record = new CallRecord("Generate", "peer");
    record.saw(new GenerationEvent.Finished(0, FinishReason.MAX_TOKENS, "", 5));

    record.log(false);

    assertThat(lines.all.getFirst()).containsEntry("outcome", "cancelled");
  }

  /** Keeps the keys and values of what is logged. */
  private static final class Lines extends AppenderBase<ILoggingEvent> {
    final List<Map<String, String>> all = new CopyOnWriteArrayList<>();

    @Override
    protected void append(ILoggingEvent event) {
      all.add(
          event.getKeyValuePairs().stream()
              .collect(Collectors.toMap(pair -> pair.key, pair -> String.valueOf(pair.value))));
    }
  }
}
