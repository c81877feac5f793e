package dev.millrace.engine;

import static dev.millrace.engine.Requests.request;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.engine.GenerationEvent.FinishReason;
import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.grammar.FormatCompiler;
import dev.millrace.grammar.machine.CompiledFormat;
import dev.millrace.grammar.machine.TokenTrie;
import dev.millrace.sampling.SampledToken;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Outputs under a format, by a model that knows nothing of it. */
class FormatTest {
  private static final FakeTokenizer TOKENIZER = new FakeTokenizer();
  private static final FormatCompiler FORMATS = new FormatCompiler(() -> TokenTrie.of(TOKENIZER));

  private static List<GenerationEvent> run(Requests request) {
    EngineSettings settings = new EngineSettings(12, 4, 16, 4, 8, Duration.ofSeconds(1));
    HashModel model = new HashModel(settings, 48, TOKENIZER.vocabularySize());
    EngineLoop loop = new EngineLoop(settings, model, TOKENIZER, new VirtualClock());
    RecordingOutlet outlet = new RecordingOutlet();
    loop.submit(request.build(), outlet);
    while (loop.turn()) {
      loop.check();
    }
    return outlet.events();
  }

  private static String text(List<GenerationEvent> events) {
    return deltas(events).stream().map(Delta::text).collect(Collectors.joining());
  }

  private static List<Delta> deltas(List<GenerationEvent> events) {
    return events.stream().filter(Delta.class::isInstance).map(Delta.class::cast).toList();
  }

  private static FinishReason reason(List<GenerationEvent> events) {
    return events.stream()
        .filter(Finished.class::isInstance)
        .map(event -> ((Finished) event).reason())
        .findFirst()
        .orElseThrow();
  }

  @Test
  void whatEndsByItselfObeysTheFormat() {
    String expression = "(ab|é|c😀)(b|a+c?)";
    CompiledFormat format = FORMATS.regex(expression);
    for (int seed = 0; seed < 300; seed++) {
      List<GenerationEvent> events =
          run(request().seed(seed).ignoreEos(seed % 2 == 0).format(format));

      if (reason(events) == FinishReason.FORMAT_COMPLETE
          || reason(events) == FinishReason.END_OF_TEXT) {
        assertThat(text(events)).matches(Pattern.compile(expression));
      } else {
        assertThat(reason(events)).isEqualTo(FinishReason.MAX_TOKENS);
      }
    }
  }

  @Test
  void whereNothingMoreMayComeTheOutputEndsAtOnceWhateverMinTokensSay() {
    CompiledFormat format = FORMATS.choice(List.of("ab"));

    List<GenerationEvent> events = run(request().minTokens(9).format(format));

    assertThat(text(events)).isEqualTo("ab");
    assertThat(reason(events)).isEqualTo(FinishReason.FORMAT_COMPLETE);
  }

  @Test
  void anEndIsDrawnOnlyWhereTheTextIsComplete() {
    CompiledFormat format = FORMATS.regex("(aab)+");
    for (int seed = 0; seed < 100; seed++) {
      List<GenerationEvent> events = run(request().seed(seed).ignoreEos(false).format(format));

      if (reason(events) == FinishReason.END_OF_TEXT) {
        assertThat(text(events).length() % 3).isZero();
      }
    }
  }

  @Test
  void aResumedStreamGoesOnUnderTheFormat() {
    CompiledFormat format = FORMATS.regex("(ab|é|c😀){6}");
    for (int seed = 0; seed < 50; seed++) {
      List<GenerationEvent> whole = run(request().seed(seed).format(format));
      List<Integer> tokens =
          deltas(whole).stream()
              .flatMap(delta -> delta.tokens().stream())
              .map(SampledToken::id)
              .toList();
      for (int known = 1; known < tokens.size(); known++) {
        List<GenerationEvent> rest =
            run(request().seed(seed).format(format).resume(tokens.subList(0, known), known + 1));

        assertThat(rest.subList(2, rest.size() - 1))
            .isEqualTo(whole.subList(known + 2, whole.size() - 1));
      }
    }
  }
}
