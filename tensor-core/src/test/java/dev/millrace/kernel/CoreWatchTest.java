package dev.millrace.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CoreWatchTest {
  private static final long MILLISECOND = 1_000_000;

  private long now;
  private long cpu;
  private final CoreWatch watch = new CoreWatch(2, () -> now, () -> cpu);

  private void runs(int count, long nanos, long cpuNanos) {
    for (int i = 0; i < count; i++) {
      watch.begin();
      now += nanos;
      cpu += cpuNanos;
      watch.end();
    }
  }

  /** The caller has a core for a quarter of the time, until that is noticed. */
  private void loseTime() {
    do {
      runs(1, 4 * MILLISECOND, MILLISECOND);
    } while (!watch.alone());
  }

  @Test
  void theTeamWorksTogetherWhileItsCallerKeepsItsCore() {
    runs(10_000, 100_000, 95_000);

    assertThat(watch.alone()).isFalse();
  }

  @Test
  void stallsThatCostLessThanTheOtherMemberAddsAreBorne() {
    for (int i = 0; i < 100; i++) {
      runs(19, MILLISECOND, MILLISECOND);
      runs(1, 6 * MILLISECOND, MILLISECOND);
      assertThat(watch.alone()).isFalse();
    }
  }

  @Test
  void aThreadWhoseTimeNobodyCountsDoesNotWorkAlone() {
    cpu = -1;
    runs(10_000, MILLISECOND, 0);

    assertThat(watch.alone()).isFalse();
  }

  @Test
  void theCallerWorksAloneForAWhileWhenTimeIsLost() {
    loseTime();

    now += 9 * MILLISECOND;
    assertThat(watch.alone()).isTrue();
    now += MILLISECOND;
    assertThat(watch.alone()).isFalse();
  }

  @Test
  void triesInVainMakeItWaitLongerAndACalmOneForgetsThem() {
    for (int i = 0; i < 3; i++) {
      loseTime();
      now += 40 * MILLISECOND;
    }
    loseTime();
    now += 79 * MILLISECOND;
    assertThat(watch.alone()).isTrue();

    now += MILLISECOND;
    runs(8, 6 * MILLISECOND, 6 * MILLISECOND);
    loseTime();
    now += 10 * MILLISECOND;
    assertThat(watch.alone()).isFalse();
  }
}
