package dev.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class LifetimeTest {

  @Test
  void aRequestThatCameWhileTheTurnHadBegunHasWaitedForNoTime() {
    Lifetime lifetime = new Lifetime(1_000, Lifetime.NEVER, Lifetime.NEVER, Lifetime.NEVER);
    lifetime.start(400);
    lifetime.token(3_000);

    assertThat(lifetime.timings(5_000).queued()).isEqualTo(Duration.ZERO);
    assertThat(lifetime.timings(5_000).prefill()).isEqualTo(Duration.ofNanos(2_000));
  }
}
