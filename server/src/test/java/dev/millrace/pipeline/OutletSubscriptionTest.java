package dev.millrace.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.Await;
import dev.millrace.engine.GenerationEvent;
import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.engine.Requests;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;

/** An outlet between threads that fill it, ask, and deliver, all at once. */
class OutletSubscriptionTest {
  private static final int DELTAS = 20_000;

  private final ScriptedEngine engine = new ScriptedEngine();
  private final ExecutorService pool = Executors.newFixedThreadPool(2);

  @AfterEach
  void stop() {
    engine.close();
    pool.shutdownNow();
  }

  /** Keeps what comes, and notices when two threads bring something at once. */
  private static final class Reader extends BaseSubscriber<GenerationEvent> {
    private final List<String> texts = new ArrayList<>();
    private final AtomicInteger inside = new AtomicInteger();
    private volatile boolean overlapped;
    private volatile boolean completed;

    @Override
    protected void hookOnSubscribe(Subscription subscription) {}

    @Override
    protected void hookOnNext(GenerationEvent event) {
      overlapped |= inside.getAndIncrement() != 0;
      texts.add(((Delta) event).text());
      inside.decrementAndGet();
    }

    @Override
    protected void hookOnComplete() {
      completed = true;
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 8})
  void everyEventArrivesOnceAndInOrderWhoeverAsks(int capacity) throws InterruptedException {
    Reader reader = new Reader();
    new OutletPublisher(
            engine,
            Requests.request().maxTokens(DELTAS).build(),
            new InterruptHandle(),
            capacity,
            pool)
        .subscribe(reader);
    List<Thread> askers = new ArrayList<>();
    for (int asker = 0; asker < 2; asker++) {
      Random random = new Random(asker);
      askers.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int asked = 0; asked < DELTAS; ) {
                      int more = 1 + random.nextInt(20);
                      reader.request(more);
                      asked += more;
                    }
                  }));
    }
    for (Thread asker : askers) {
      asker.join();
    }
    Await.until("all have come", () -> reader.completed);

    assertThat(reader.overlapped).isFalse();
    assertThat(reader.texts)
        .isEqualTo(
            IntStream.iterate(DELTAS - 1, i -> i >= 0, i -> i - 1)
                .mapToObj(Integer::toString)
                .toList());
  }
}
