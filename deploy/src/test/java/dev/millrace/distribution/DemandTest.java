package dev.millrace.distribution;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.client.MillraceClient;
import dev.millrace.server.MillraceServer;
import dev.millrace.v1.EngineStats;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.StopCriteria;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import reactor.test.StepVerifier;

/** A reader that stops asking stops the engine, over real gRPC, and goes on when it asks again. */
class DemandTest {
  private static final int TOKENS = 500;

  /**
   * What may be ahead of a reader: docs/client.md counts 49 messages of one letter; the outlet; and
   * one that is on its way between them.
   */
  private static final int SLACK = 49 + 8 + 1;

  private static final GenerateRequest REQUEST =
      GenerateRequest.newBuilder()
          .setText("It is easy")
          .setStop(StopCriteria.newBuilder().setMaxTokens(TOKENS).setIgnoreEos(true))
          .build();

  @Test
  void aSubscriberThatRequestsOneAndWaitsStallsItsSequenceWithinABound() throws IOException {
    try (MillraceServer server = TinyServer.start();
        MillraceClient client = MillraceClient.connect("127.0.0.1:" + server.port())) {
      String undisturbed = text(client.generate(REQUEST).collectList().block(TinyServer.PATIENCE));

      StepVerifier.create(client.generate(REQUEST), 1)
          .expectNextMatches(GenerateResponse::hasStarted)
          .then(
              () -> {
                EngineStats stalled = TinyServer.await(client, new Settled());
                assertThat(stalled.getCompletionTokens() - TOKENS).isLessThanOrEqualTo(SLACK);
              })
          .thenRequest(Long.MAX_VALUE)
          .recordWith(ArrayList::new)
          .thenConsumeWhile(event -> true)
          .consumeRecordedWith(rest -> assertThat(text(rest)).isEqualTo(undisturbed))
          .expectComplete()
          .verify(TinyServer.PATIENCE);
      assertThat(TinyServer.await(client, now -> now.getKvBlocksInUse() == 0).getStalledSequences())
          .isZero();
    }
  }

  private static String text(Collection<GenerateResponse> events) {
    return events.stream().map(event -> event.getDelta().getText()).collect(Collectors.joining());
  }

  /** Whether the one sequence has been stalled, without a step, for so many looks. */
  private static final class Settled implements Predicate<EngineStats> {
    private static final int LOOKS = 25;
    private long steps = -1;
    private int looks;

    @Override
    public boolean test(EngineStats now) {
      boolean stalled = now.getStalledSequences() == 1 && now.getSteps() == steps;
      looks = stalled ? looks + 1 : 0;
      steps = now.getSteps();
      return looks == LOOKS;
    }
  }
}
