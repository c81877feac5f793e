package dev.millrace.pipeline;

import static dev.millrace.engine.Requests.request;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.Await;
import dev.millrace.engine.EngineLoop;
import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.FakeTokenizer;
import dev.millrace.engine.GenerationEvent;
import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.engine.GenerationEvent.Summary;
import dev.millrace.engine.GenerationException;
import dev.millrace.engine.GenerationException.Reason;
import dev.millrace.engine.HashModel;
import dev.millrace.engine.Requests;
import dev.millrace.engine.SoloRun;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;

/** Streams from a running engine, as subscribers see them. */
class EngineGeneratorTest {
  private static final int CONTEXT = 512;
  private static final EngineSettings SETTINGS =
      new EngineSettings(256, 16, 64, 16, 64, Duration.ofSeconds(10));

  private final FakeTokenizer tokenizer = new FakeTokenizer();
  private final EngineLoop engine =
      EngineLoop.start(
          SETTINGS, new HashModel(SETTINGS, CONTEXT, tokenizer.vocabularySize()), tokenizer);
  private final ExecutorService pool = Executors.newFixedThreadPool(2);
  private final EngineGenerator generator = new EngineGenerator(engine, pool);

  @AfterEach
  void stop() {
    engine.close();
    pool.shutdownNow();
  }

  /** Takes what it is told to take, and keeps it. */
  private static final class Reader extends BaseSubscriber<GenerationEvent> {
    private final List<GenerationEvent> events = new ArrayList<>();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private volatile boolean completed;

    @Override
    protected void hookOnSubscribe(Subscription subscription) {}

    @Override
    protected synchronized void hookOnNext(GenerationEvent event) {
      events.add(event);
    }

    @Override
    protected void hookOnError(Throwable cause) {
      failure.set(cause);
    }

    @Override
    protected void hookOnComplete() {
      completed = true;
    }

    synchronized int count() {
      return events.size();
    }

    synchronized String text() {
      return events.stream()
          .filter(Delta.class::isInstance)
          .map(event -> ((Delta) event).text())
          .collect(Collectors.joining());
    }

    boolean hasEnded() {
      return completed || failure.get() != null;
    }
  }

  private Reader subscribe(Requests request) {
    Reader reader = new Reader();
    generator.generate(request.build()).subscribe(reader);
    return reader;
  }

  private String soloText(Requests request) {
    return SoloRun.of(request.build(), tokenizer, engine.maxSequenceTokens()).text();
  }

  @ParameterizedTest
  @CsvSource({"1, 8", "4, 8", "8, 8", "20, 20"})
  void aReaderWhoWaitsStopsTheDecodingWithinTheSlackAndGoesOnWhenHeAsks(
      int tokensPerEvent, int slack) {
    Requests request = request().maxTokens(300).tokensPerEvent(tokensPerEvent);
    Reader reader = subscribe(request);
    reader.request(1); // Started
    Await.until("it stalls", () -> engine.snapshot().stalledSequences() == 1);
    assertThat(engine.snapshot().completionTokens()).isEqualTo(slack);
    Await.until("Started arrives", () -> reader.count() == 1);

    reader.request(2); // PromptProcessed and one Delta
    Await.until(
        "one Delta more is made",
        () ->
            engine.snapshot().completionTokens() == slack + tokensPerEvent
                && engine.snapshot().stalledSequences() == 1);

    reader.request(Long.MAX_VALUE);
    Await.until("it ends", reader::hasEnded);
    assertThat(reader.text()).isEqualTo(soloText(request));
    assertThat(engine.snapshot().kvBlocksInUse()).isZero();
  }

  @Test
  void aSleepingReaderDoesNotHoldOthersUp() {
    Reader sleeper = subscribe(request().maxTokens(300));
    sleeper.request(1);
    Reader other = subscribe(request().maxTokens(300).seed(2));
    other.request(Long.MAX_VALUE);

    Await.until("the other ends", other::hasEnded);
    assertThat(other.text()).isEqualTo(soloText(request().maxTokens(300).seed(2)));
    assertThat(sleeper.hasEnded()).isFalse();
  }

  @Test
  void cancellingFreesTheBlocks() {
    Reader reader = subscribe(request().maxTokens(300));
    reader.request(5);
    Await.until("it stalls", () -> engine.snapshot().stalledSequences() == 1);

    reader.cancel();
    Await.until("the blocks are free", () -> engine.snapshot().kvBlocksInUse() == 0);
    assertThat(engine.snapshot().requestsCancelled()).isEqualTo(1);
  }

  @Test
  void aStreamCancelledBeforeItIsSubmittedNeverReachesTheEngine() {
    generator
        .generate(request().build())
        .subscribe(
            new BaseSubscriber<>() {
              @Override
              protected void hookOnSubscribe(Subscription subscription) {
                subscription.cancel();
              }
            });
    assertThat(engine.snapshot().waitingSequences()).isZero();
    assertThat(engine.snapshot().requestsCancelled()).isZero();
  }

  @Test
  void sixtyFourStreamsOfWhichSixteenAreCancelledGiveTheTextsOfSoloRuns() {
    List<Reader> readers = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      Reader reader = subscribe(request().maxTokens(120).seed(i));
      readers.add(reader);
      reader.request(i % 4 == 3 ? 40 : Long.MAX_VALUE);
    }
    for (int i = 3; i < 64; i += 4) {
      Reader reader = readers.get(i);
      Await.until("it is midway", () -> reader.count() == 40);
      reader.cancel();
    }
    for (int i = 0; i < 64; i++) {
      if (i % 4 != 3) {
        Await.until("stream " + i + " ends", readers.get(i)::hasEnded);
        assertThat(readers.get(i).text()).isEqualTo(soloText(request().maxTokens(120).seed(i)));
      }
    }
    Await.until("all blocks are free", () -> engine.snapshot().kvBlocksInUse() == 0);
    assertThat(engine.snapshot().requestsFinished()).isEqualTo(48);
    assertThat(engine.snapshot().requestsCancelled()).isEqualTo(16);
  }

  @Test
  void aRefusalReachesAReaderWhoAskedForNothing() {
    engine.drain();
    Reader reader = subscribe(request());

    Await.until("it ends", reader::hasEnded);
    assertThat(reader.failure.get())
        .isInstanceOfSatisfying(
            GenerationException.class, e -> assertThat(e.reason()).isEqualTo(Reason.DRAINING));
  }

  @Test
  void theEndOfTheEngineReachesAReaderWhoSleeps() {
    Reader reader = subscribe(request().maxTokens(300));
    reader.request(1);
    Await.until("it stalls", () -> engine.snapshot().stalledSequences() == 1);
    engine.close();

    Await.until("it ends", reader::hasEnded);
    assertThat(reader.failure.get()).isInstanceOf(GenerationException.class);
  }

  @Test
  void aReaderWhoThrowsIsCancelledAndTheEngineGoesOn() {
    generator
        .generate(request().maxTokens(300).build())
        .subscribe(
            new org.reactivestreams.Subscriber<>() {
              @Override
              public void onSubscribe(Subscription subscription) {
                subscription.request(Long.MAX_VALUE);
              }

              @Override
              public void onNext(GenerationEvent event) {
                throw new IllegalStateException("a defect of the reader");
              }

              @Override
              public void onError(Throwable cause) {}

              @Override
              public void onComplete() {}
            });

    Await.until("it is cancelled", () -> engine.snapshot().requestsCancelled() == 1);
    assertThat(engine.isAlive()).isTrue();
  }

  @Test
  void eventsStillArriveWhenTheExecutorWasShutDownFirst() {
    pool.shutdownNow();
    Reader reader = subscribe(request().maxTokens(5));
    reader.request(Long.MAX_VALUE);

    Await.until("it ends", reader::hasEnded);
    assertThat(reader.events.getLast()).isInstanceOf(Summary.class);
  }
}
