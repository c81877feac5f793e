package dev.millrace.distribution;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.client.MillraceClient;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.SamplingParameters;
import dev.millrace.v1.StopCriteria;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/** Two servers, one of which dies. */
class FailoverIT {
  private static final int TOKENS = 400;

  private static final GenerateRequest REQUEST =
      GenerateRequest.newBuilder()
          .setText("It is easy")
          .setSampling(SamplingParameters.newBuilder().setTemperature(1).setSeed(11))
          .setStop(StopCriteria.newBuilder().setMaxTokens(TOKENS).setIgnoreEos(true))
          .build();

  @Test
  void aStreamGoesOnAtTheSecondServerWhenTheFirstIsKilled() throws Exception {
    try (ServeProcess first = new ServeProcess();
        ServeProcess second = new ServeProcess();
        MillraceClient undisturbed = MillraceClient.connect(second.target());
        MillraceClient client = MillraceClient.connect(first.target() + "," + second.target())) {
      String expected =
          text(undisturbed.generate(REQUEST).collectList().block(TinyServer.PATIENCE));

      List<GenerateResponse> events =
          client
              .generate(REQUEST)
              .concatMap(
                  event -> {
                    if (event.getSequenceNumber() == TOKENS / 4) {
                      first.kill();
                    }
                    return Flux.just(event);
                  },
                  1)
              .collectList()
              .block(TinyServer.PATIENCE);

      assertThat(text(events)).isEqualTo(expected);
      assertThat(events)
          .extracting(GenerateResponse::getSequenceNumber)
          .containsExactlyElementsOf(LongStream.range(0, events.size()).boxed().toList());
      assertThat(tokens(events)).isEqualTo(TOKENS);
      assertThat(undisturbed.engineStats("").block(TinyServer.PATIENCE).getRequestsFinished())
          .as("both streams ended at the second server")
          .isEqualTo(2);
    }
  }

  private static String text(List<GenerateResponse> events) {
    return events.stream().map(event -> event.getDelta().getText()).collect(Collectors.joining());
  }

  private static int tokens(List<GenerateResponse> events) {
    return events.stream().mapToInt(event -> event.getDelta().getTokenIdsCount()).sum();
  }
}
