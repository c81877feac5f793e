package dev.millrace.engine;

import static dev.millrace.engine.Requests.request;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.engine.GenerationEvent.FinishReason;
import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.engine.GenerationEvent.PromptProcessed;
import dev.millrace.engine.GenerationEvent.Started;
import dev.millrace.engine.GenerationEvent.Summary;
import dev.millrace.engine.GenerationEvent.Usage;
import dev.millrace.grammar.FormatCompiler;
import dev.millrace.grammar.machine.CompiledFormat;
import dev.millrace.grammar.machine.TokenTrie;
import dev.millrace.sampling.SampledToken;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Streams that break off and are taken up again, on an engine that never saw the first part. */
class ResumeTest {
  private static final FakeTokenizer TOKENIZER = new FakeTokenizer();
  private static final int CONTEXT = 48;
  // ids of FakeTokenizer
  private static final int A = 2;
  private static final int B = 3;

  private static RecordingOutlet run(Requests request) {
    EngineSettings settings = new EngineSettings(12, 4, 16, 4, 8, Duration.ofSeconds(1));
    HashModel model = new HashModel(settings, CONTEXT, TOKENIZER.vocabularySize());
    VirtualClock clock = new VirtualClock();
    EngineLoop loop = new EngineLoop(settings, model, TOKENIZER, clock);
    RecordingOutlet outlet = new RecordingOutlet();
    loop.submit(request.build(), outlet);
    clock.advance(Duration.ofNanos(1));
    while (loop.turn()) {
      loop.check();
    }
    assertThat(outlet.ends()).isEqualTo(1);
    return outlet;
  }

  private static List<Integer> tokens(List<GenerationEvent> events) {
    return events.stream()
        .filter(Delta.class::isInstance)
        .flatMap(event -> ((Delta) event).tokens().stream())
        .map(SampledToken::id)
        .toList();
  }

  private static Usage usage(GenerationEvent event) {
    return ((Summary) event).usage();
  }

  @Test
  void behindEveryEventTheRestIsThatOfTheUndisturbedRun() {
    for (int seed = 0; seed < 400; seed++) {
      Random random = new Random(seed);
      int tokensPerEvent = 1 + random.nextInt(3);
      int minTokens = random.nextInt(8);
      boolean includeStop = random.nextInt(4) == 0;
      boolean echo = random.nextInt(4) == 0;
      boolean ignoreEos = random.nextBoolean();
      long drawn = random.nextLong();
      Supplier<Requests> same =
          () ->
              request()
                  .prompt(1, 13, 2, 3, 15) // ends within a character
                  .seed(drawn)
                  .maxTokens(24)
                  .minTokens(minTokens)
                  .stops("abab", "bca", "aaab", "é")
                  .stopIds(22)
                  .includeStop(includeStop)
                  .ignoreEos(ignoreEos)
                  .echo(echo)
                  .tokensPerEvent(tokensPerEvent);
      List<GenerationEvent> whole = run(same.get()).events();
      for (int has = 1; has < whole.size(); has++) {
        List<Integer> known = tokens(whole.subList(0, has));
        List<GenerationEvent> rest = run(same.get().resume(known, has - 1)).events();

        String where = "seed %d, with %d of %s".formatted(seed, has, whole);
        assertThat(rest.subList(0, 2))
            .as(where)
            .containsExactly(new Started(), new PromptProcessed(0));
        int isNew = Math.max(has, 2); // Started and PromptProcessed always come, and the Summary
        assertThat(rest.subList(2, rest.size() - 1))
            .as(where)
            .isEqualTo(whole.subList(isNew, whole.size() - 1));
        assertThat(usage(rest.getLast())).as(where).isEqualTo(usage(whole.getLast()));
      }
    }
  }

  private static final CompiledFormat ONLY_EMPTY =
      new FormatCompiler(() -> TokenTrie.of(TOKENIZER)).regex("");

  private static Stream<Named<Consumer<Requests>>> whatEndsOutputBeforeAToken() {
    return Stream.of(
        Named.of("max_tokens 0", request -> request.maxTokens(0)),
        Named.of("time limit", request -> request.timeLimit(Duration.ofNanos(1))),
        Named.of("format", request -> request.format(ONLY_EMPTY)));
  }

  @ParameterizedTest
  @MethodSource("whatEndsOutputBeforeAToken")
  void behindEveryEventOfOutputWithoutTokensTheRestFollows(Consumer<Requests> ending) {
    for (boolean echo : List.of(false, true)) {
      for (int candidates : List.of(1, 3)) {
        for (int last : List.of(A, 15)) { // which begins a character: it ends as U+FFFD
          Supplier<Requests> same =
              () -> {
                Requests request = request().prompt(1, A, last).echo(echo).candidates(candidates);
                ending.accept(request);
                return request;
              };
          List<GenerationEvent> whole = run(same.get()).events();
          boolean hasText = echo || last == 15;
          assertThat(whole).hasSize(2 + candidates * (hasText ? 2 : 1) + 1);
          for (int has = 1; has < whole.size(); has++) {
            List<GenerationEvent> rest = run(same.get().resume(List.of(), has - 1)).events();

            String where = "with %d of %s".formatted(has, whole);
            assertThat(rest.subList(0, 2)).as(where).isEqualTo(whole.subList(0, 2));
            assertThat(rest.subList(2, rest.size() - 1))
                .as(where)
                .isEqualTo(whole.subList(Math.max(has, 2), whole.size() - 1));
            assertThat(usage(rest.getLast())).as(where).isEqualTo(usage(whole.getLast()));
          }
        }
      }
    }
  }

  @Test
  void anEndByATimeLimitIsToldOnce() {
    Supplier<Requests> same = () -> request().stops("ab").timeLimit(Duration.ofSeconds(1));
    // Started, PromptProcessed, Finished
    assertThat(fresh(same.get().resume(List.of(), 1))).hasSizeGreaterThan(1);
    assertThat(fresh(same.get().resume(List.of(), 2))).isEmpty();
    // Started, PromptProcessed, b, Finished
    assertThat(fresh(same.get().resume(List.of(B), 3))).isEmpty();
    // Started, PromptProcessed, b, nothing of a, a, Finished
    Finished finished = new Finished(0, FinishReason.TIME_LIMIT, "", 2);
    assertThat(fresh(same.get().resume(List.of(B, A), 4))).containsExactly(finished);
    assertThat(fresh(same.get().resume(List.of(B, A), 5))).isEmpty();
    // Started, PromptProcessed, bb in an event that three would fill, Finished
    assertThat(fresh(same.get().tokensPerEvent(3).resume(List.of(B, B), 2)))
        .containsExactly(finished);
    assertThat(fresh(same.get().tokensPerEvent(3).resume(List.of(B, B), 3))).isEmpty();
  }

  /** What comes between PromptProcessed and the Summary. */
  private static List<GenerationEvent> fresh(Requests resumed) {
    List<GenerationEvent> events = run(resumed).events();
    return events.subList(2, events.size() - 1);
  }

  private static Completion completion(Requests request) {
    return new Completion(request.build(), 0, TOKENIZER, CONTEXT);
  }

  private static SampledToken token(int id) {
    return new SampledToken(id, Float.NaN, 0, List.of());
  }

  @Test
  void whatATimeLimitHadLetOutIsNotToldAgain() {
    Supplier<Requests> same = () -> request().stops("ab").timeLimit(Duration.ofSeconds(1));
    Completion first = completion(same.get());
    first.accept(token(B));
    assertThat(first.takeDelta()).map(Delta::text).contains("b"); // event 2
    first.accept(token(A));
    assertThat(first.takeDelta()).map(Delta::text).contains(""); // event 3: may begin ab
    first.end(FinishReason.TIME_LIMIT);
    assertThat(first.takeDelta()).map(Delta::text).contains("a"); // event 4

    assertThat(completion(same.get().resume(List.of(B, A), 3)).reason()).isNull();
    Completion behindTheEnd = completion(same.get().resume(List.of(B, A), 4));
    assertThat(behindTheEnd.reason()).isEqualTo(FinishReason.TIME_LIMIT);
    assertThat(behindTheEnd.takeDelta()).isEmpty();
    assertThat(behindTheEnd.finished()).isEqualTo(new Finished(0, FinishReason.TIME_LIMIT, "", 2));
  }

  @Test
  void anotherCandidatesEventsDontEndThisOne() {
    Requests request =
        request().candidates(2).timeLimit(Duration.ofSeconds(1)).resume(List.of(A, B), 6);

    assertThat(completion(request).reason()).isNull();
  }

  @Test
  void ofSeveralCandidatesAllThatHaveEndedAreToldToHave() {
    Requests behindItsEnd =
        request().candidates(2).ignoreEos(true).maxTokens(2).resume(List.of(A, B), 4);

    assertThat(run(behindItsEnd).events())
        .filteredOn(Finished.class::isInstance)
        .extracting(event -> ((Finished) event).candidate())
        .containsExactly(0, 1);
  }

  @Test
  void tokensBehindTheEndAreNotRead() {
    Completion completion = completion(request().maxTokens(2).resume(List.of(A, B, A, B), 5));

    assertThat(completion.finished()).isEqualTo(new Finished(0, FinishReason.MAX_TOKENS, "", 2));
    assertThat(completion.takeDelta()).isEmpty();
  }
}
