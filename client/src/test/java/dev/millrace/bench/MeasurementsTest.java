package dev.millrace.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.millrace.client.Target;
import dev.millrace.v1.GenerateResponse;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class MeasurementsTest {
  private final AtomicLong nanos = new AtomicLong(TimeUnit.DAYS.toNanos(1));
  private final Measurements measurements =
      new Measurements(nanos::get, Goodput.parse("ttft:10,tpot:5"));

  private void afterMillis(double millis) {
    nanos.addAndGet((long) (millis * 1e6));
  }

  private static GenerateResponse tokens(int count) {
    GenerateResponse.Builder event = GenerateResponse.newBuilder();
    for (int i = 0; i < count; i++) {
      event.getDeltaBuilder().addTokenIds(i);
    }
    return event.build();
  }

  private BenchReport report() {
    BenchSettings settings =
        new BenchSettings(
            List.of(new Target("localhost", 9090)),
            Optional.empty(),
            "",
            new Load.Closed(2),
            3,
            0,
            8,
            4,
            1,
            Goodput.ANY);
    return measurements.report(settings, "m", TimeUnit.SECONDS.toNanos(2), false);
  }

  /** Three digits. */
  private static Offset<Double> precision(double of) {
    return within(of / 1000 + 0.001);
  }

  @Test
  void percentilesOfAThousandKnownTimes() {
    for (int i = 1; i <= 1000; i++) {
      Measurements.Request request = measurements.new Request();
      afterMillis(i);
      request.event(tokens(1));
      afterMillis(i / 10.0);
      request.event(tokens(1));
      request.finish();
    }
    BenchReport.Latency first = report().timeToFirstToken();
    assertThat(first.count()).isEqualTo(1000);
    assertThat(first.p50()).isEqualTo(500, precision(500));
    assertThat(first.p90()).isEqualTo(900, precision(900));
    assertThat(first.p99()).isEqualTo(990, precision(990));
    assertThat(first.max()).isEqualTo(1000, precision(1000));
    assertThat(report().timeBetweenTokens().p90()).isEqualTo(90, precision(90));
    assertThat(report().requestTime().p50()).isEqualTo(550, precision(550));
    assertThat(report().finished()).isEqualTo(1000);
    assertThat(report().tokensPerSecond()).isEqualTo(1000);
  }

  @Test
  void aMessageOfSeveralTokensSharesItsTimeAmongThem() {
    Measurements.Request request = measurements.new Request();
    afterMillis(7);
    request.event(GenerateResponse.getDefaultInstance());
    request.event(tokens(0));
    afterMillis(3);
    request.event(tokens(3));
    afterMillis(40);
    request.event(tokens(4));

    assertThat(report().timeToFirstToken().max()).isEqualTo(10, precision(10));
    assertThat(report().timeBetweenTokens().count()).isEqualTo(4);
    assertThat(report().timeBetweenTokens().p50()).isEqualTo(10, precision(10));
    assertThat(report().tokens()).isEqualTo(7);
  }

  @Test
  void goodAreRequestsThatKeepEverythingThatIsAsked() {
    for (double[] millis : new double[][] {{9, 4}, {11, 4}, {9, 6}}) {
      Measurements.Request request = measurements.new Request();
      afterMillis(millis[0]);
      request.event(tokens(1));
      afterMillis(2 * millis[1]);
      request.event(tokens(2));
      request.finish();
    }
    measurements.new Request().finish(); // brought nothing

    assertThat(report().finished()).isEqualTo(4);
    assertThat(report().good()).isEqualTo(1);
    assertThat(report().goodRequestsPerSecond()).isEqualTo(0.5);
  }

  @Test
  void latenessCountsFromWhenARequestWasDue() {
    long due = nanos.get();
    afterMillis(50);
    Measurements.Request request = measurements.new Request(due);
    afterMillis(1);
    request.event(tokens(1));

    assertThat(report().timeToFirstToken().max()).isEqualTo(51, precision(51));
  }

  @Test
  void timesBeyondAnHourCountAsAnHour() {
    Measurements.Request request = measurements.new Request();
    afterMillis(1e9);
    request.event(tokens(1));
    assertThat(report().timeToFirstToken().max()).isEqualTo(3.6e6, precision(3.6e6));
  }
}
