package dev.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.engine.RecordedArrivals.Arrival;
import dev.millrace.engine.TraceReplay.Result;
import dev.millrace.engine.TraceReplay.Way;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class TraceReplayTest {
  private static final Path TRACE =
      Path.of("../../shared/data/traces/mooncake_synthetic_trace.jsonl");

  @Test
  void anHourThatKeepsTheModelBusyGoesBetterThanFirstComeFirstServedAndThanWithoutACache()
      throws IOException {
    assumeTrue(Files.exists(TRACE), "SKIPPED: there is no " + TRACE);
    List<Arrival> arrivals = TraceReplay.arrivals(TRACE + "@5");
    Result ours = TraceReplay.replay(arrivals, Way.AS_IT_IS);
    Result baseline = TraceReplay.replay(arrivals, Way.FIRST_COME_FIRST_SERVED);
    Result uncached = TraceReplay.replay(arrivals, Way.NO_PREFIX_CACHE);

    assertThat(ours.well()).isGreaterThan(baseline.well()).isGreaterThan(uncached.well());
    assertThat(Result.at(ours.gapMillis(), 0.999))
        .isLessThan(Result.at(baseline.gapMillis(), 0.999) / 5);
    assertThat(Result.at(ours.firstSeconds(), 0.99))
        .isLessThan(Result.at(baseline.firstSeconds(), 0.99) * 1.5)
        .isLessThan(Result.at(uncached.firstSeconds(), 0.99) / 5);
    assertThat(ours.cached()).isGreaterThan(0.3);
    assertThat(uncached.cached()).isZero();
  }
}
