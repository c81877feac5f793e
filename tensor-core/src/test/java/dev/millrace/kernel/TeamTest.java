package dev.millrace.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TeamTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5, 16}) // the last: more than there are cores
  void everyPartRunsOnceInEveryRound(int size) {
    int rounds = 2_000;
    int[] plain = new int[size]; // unsynchronized: a round's writes must be seen after it
    try (Team team = team(size)) {
      for (int round = 1; round <= rounds; round++) {
        team.run(
            (part, parts) -> {
              assertThat(parts).isEqualTo(size);
              plain[part]++;
            });
        for (int count : plain) {
          assertThat(count).isEqualTo(round);
        }
      }
    }
  }

  /** A task of so many parts for each member. */
  private record Shared(int shares, Team.Task task) implements Team.Task {
    @Override
    public void run(int part, int parts) {
      task.run(part, parts);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5, 16})
  void everyShareRunsOnceInEveryRoundWhateverTheRoundBeforeHad(int size) {
    int[] plain = new int[size * Team.MAX_SHARES];
    int[] expected = new int[plain.length];
    try (Team team = team(size)) {
      for (int round = 0; round < 2_000; round++) {
        int count = 1 + round * 7 % Team.MAX_SHARES;
        team.run(
            new Shared(
                count,
                (part, parts) -> {
                  assertThat(parts).isEqualTo(team.size() == 1 ? 1 : size * count);
                  plain[part]++;
                }));
        Arrays.fill(expected, 0, team.size() == 1 ? 1 : size * count, -1);
        for (int part = 0; part < plain.length; part++) {
          assertThat(plain[part]).isEqualTo(-expected[part]);
          plain[part] = 0;
          expected[part] = 0;
        }
      }
    }
  }

  @Test
  void aMemberThatIsHeldUpLeavesItsSharesToOthers() {
    try (Team team = team(2)) {
      AtomicInteger started = new AtomicInteger();
      Thread[] ranBy = new Thread[20];
      CountDownLatch othersRan = new CountDownLatch(19);
      team.run(
          new Shared(
              10,
              (part, parts) -> {
                ranBy[part] = Thread.currentThread();
                if (started.getAndIncrement() == 0) {
                  await(othersRan);
                } else {
                  othersRan.countDown();
                }
              }));
      assertThat(Arrays.stream(ranBy).filter(Thread.currentThread()::equals).count()).isIn(1L, 19L);
    }
  }

  @Test
  void membersWorkAtTheSameTimeTheCallerAmongThem() {
    try (Team team = team(3)) {
      Thread[] threads = threads(team);
      assertThat(threads).doesNotHaveDuplicates().contains(Thread.currentThread());
      for (Thread thread : threads) {
        assertThat(thread == Thread.currentThread() || thread.isDaemon()).isTrue();
      }
    }
  }

  @Test
  void aPartWhoseMemberDoesNotComeIsRunByAnother() {
    try (Team team = team(3)) {
      AtomicInteger started = new AtomicInteger();
      AtomicIntegerArray runs = new AtomicIntegerArray(3);
      CountDownLatch othersRan = new CountDownLatch(2);
      team.run(
          (part, parts) -> {
            runs.incrementAndGet(part);
            if (started.getAndIncrement() == 0) {
              await(othersRan); // this member is kept; the two left run the other parts
            } else {
              othersRan.countDown();
            }
          });
      assertThat(runs).hasToString("[1, 1, 1]");
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void aFailureIsRethrownOnceAllPartsHaveEnded(int failing) {
    try (Team team = team(3)) {
      AtomicInteger ended = new AtomicInteger();
      CountDownLatch failed = new CountDownLatch(1);
      assertThatThrownBy(
              () ->
                  team.run(
                      (part, parts) -> {
                        if (part == failing) {
                          failed.countDown();
                          throw new ArithmeticException("part " + part);
                        }
                        await(failed);
                        ended.incrementAndGet();
                      }))
          .isInstanceOf(ArithmeticException.class)
          .hasMessage("part " + failing);
      assertThat(ended).hasValue(2);

      AtomicIntegerArray after = new AtomicIntegerArray(3);
      team.run((part, parts) -> after.incrementAndGet(part));
      assertThat(after).hasToString("[1, 1, 1]");
    }
  }

  @Test
  void parkedMembersWakeForTheNextRoundAndCostNothingMeanwhile() {
    try (Team team = team(2)) {
      Thread worker = worker(team);
      for (int round = 0; round < 20; round++) {
        awaitState(worker, Thread.State.WAITING);
        assertThat(worker(team)).isEqualTo(worker);
      }
      awaitState(worker, Thread.State.WAITING);
      var threads = ManagementFactory.getThreadMXBean();
      long before = threads.getThreadCpuTime(worker.threadId());
      long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(20);
      while (System.nanoTime() < until) {
        Thread.onSpinWait();
      }
      assertThat(threads.getThreadCpuTime(worker.threadId()) - before)
          .isLessThan(TimeUnit.MILLISECONDS.toNanos(1));
    }
  }

  @Test
  void theCallerWaitsForASlowMember() {
    try (Team team = team(2)) {
      Thread caller = Thread.currentThread();
      CountDownLatch bothCame = new CountDownLatch(2);
      int[] written = new int[1];
      team.run(
          (part, parts) -> {
            bothCame.countDown();
            await(bothCame);
            if (Thread.currentThread() != caller) {
              awaitState(caller, Thread.State.WAITING); // it spun in vain and parked
              written[0] = 7;
            }
          });
      assertThat(written[0]).isEqualTo(7);
    }
  }

  @Test
  void aSecondCallerIsRefused() {
    try (Team team = team(2)) {
      List<Throwable> thrown = new ArrayList<>();
      team.run(
          (part, parts) -> {
            if (part == 0) {
              try {
                team.run((p, n) -> {});
              } catch (IllegalStateException e) {
                thrown.add(e);
              }
            }
          });
      assertThat(thrown).singleElement().asString().contains("one caller at a time");
    }
  }

  @Test
  void closeEndsTheThreadsAndFurtherRunsAreRefused() {
    Team team = team(2);
    Thread worker = worker(team);
    team.close();
    team.close();
    assertThat(worker.isAlive()).isFalse();
    assertThatThrownBy(() -> team.run((part, parts) -> {}))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
  }

  @Test
  void sizesOutOfRangeAreRefused() {
    assertThatThrownBy(() -> Team.of(0)).hasMessageContaining("must be 1 to 1024");
    assertThatThrownBy(() -> Team.of(1025)).hasMessageContaining("must be 1 to 1024");
  }

  @Test
  void aSplitCoversAllUnitsInOrder() {
    for (int units : new int[] {0, 1, 7, 16, 1_000_003}) {
      for (int parts = 1; parts <= 5; parts++) {
        assertThat(Team.split(units, 0, parts)).isZero();
        assertThat(Team.split(units, parts, parts)).isEqualTo(units);
        for (int part = 0; part < parts; part++) {
          int share = Team.split(units, part + 1, parts) - Team.split(units, part, parts);
          assertThat(share).isBetween(units / parts, units / parts + 1);
        }
      }
    }
  }

  /** Never alone: parts here wait for each other, as no kernel's do. */
  private static Team team(int size) {
    return size == 1
        ? Team.of(1)
        : new WorkerTeam(size, "test", new CoreWatch(size, () -> 0, () -> 0));
  }

  /** Of all members: each waits in its part for the others. */
  private static Thread[] threads(Team team) {
    Thread[] threads = new Thread[team.size()];
    CountDownLatch allCame = new CountDownLatch(team.size());
    team.run(
        (part, parts) -> {
          threads[part] = Thread.currentThread();
          allCame.countDown();
          await(allCame);
        });
    return threads;
  }

  /** Of a team of two: the one that isn't the caller. */
  private static Thread worker(Team team) {
    Thread[] threads = threads(team);
    return threads[0] == Thread.currentThread() ? threads[1] : threads[0];
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void awaitState(Thread thread, Thread.State state) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (thread.getState() != state) {
      assertThat(System.nanoTime()).as("%s never got %s", thread, state).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }
}
