package dev.millrace.engine;

import static java.util.Comparator.comparingInt;

import dev.millrace.engine.GenerationEvent.FinishReason;
import dev.millrace.grammar.machine.Constraint;
import dev.millrace.request.GenerationRequest;
import dev.millrace.request.GenerationRequest.StopSettings;
import dev.millrace.tokenizer.TextDecoder;
import dev.millrace.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What a request must give, said the slow way: no blocks, no batches, no automaton; the whole
 * context is hashed and the whole text is searched again for every token.
 */
public record SoloRun(List<Integer> tokens, String text, FinishReason reason, String stopText) {

  public static SoloRun of(GenerationRequest request, Tokenizer tokenizer, int maxSequenceTokens) {
    return of(request, 0, tokenizer, maxSequenceTokens);
  }

  public static SoloRun of(
      GenerationRequest request, int candidate, Tokenizer tokenizer, int maxSequenceTokens) {
    StopSettings stop = request.stop();
    List<Integer> context = new ArrayList<>(Arrays.stream(request.prompt()).boxed().toList());
    String promptText = decode(context, tokenizer, false);
    String echo = request.output().echoPrompt() ? promptText : "";
    List<Integer> tokens = new ArrayList<>();
    String text = ""; // whole characters of the generated tokens
    Constraint constraint = request.constraint(tokenizer).orElse(null);
    while (true) {
      boolean mayEnd = tokens.size() >= stop.minTokens();
      int[] forbidden = mayEnd ? new int[0] : endingIds(stop, tokenizer);
      if (constraint != null) {
        IntStream all = IntStream.range(0, tokenizer.vocabularySize());
        forbidden =
            IntStream.concat(IntStream.of(forbidden), all.filter(each -> !constraint.allows(each)))
                .toArray();
      }
      int id = HashModel.next(context, request, candidate, forbidden, tokenizer.vocabularySize());
      tokens.add(id);
      if (constraint != null) {
        constraint.accept(id);
      }
      FinishReason end = endedBy(id, mayEnd, stop, tokenizer);
      if (end == null || (end == FinishReason.STOP_TOKEN && stop.includeStop())) {
        context.add(id);
      }
      String before = text;
      text = decode(context, tokenizer, false).substring(promptText.length());
      for (int to = before.length() + 1; end == null && mayEnd && to <= text.length(); to++) {
        Optional<String> match = longestStopAt(text.substring(0, to), stop);
        if (match.isPresent()) {
          String kept = text.substring(0, stop.includeStop() ? to : to - match.get().length());
          return new SoloRun(tokens, echo + kept, FinishReason.STOP_SEQUENCE, match.get());
        }
      }
      if (end == null && constraint != null && constraint.isComplete()) {
        end = FinishReason.FORMAT_COMPLETE;
      } else if (end == null && context.size() == maxSequenceTokens) {
        end = FinishReason.CONTEXT_FULL;
      } else if (end == null && tokens.size() == stop.maxTokens()) {
        end = FinishReason.MAX_TOKENS;
      }
      if (end != null) {
        String all = decode(context, tokenizer, true).substring(promptText.length());
        return new SoloRun(tokens, echo + all, end, "");
      }
    }
  }

  private static @Nullable FinishReason endedBy(
      int id, boolean mayEnd, StopSettings stop, Tokenizer tokenizer) {
    if (mayEnd && !stop.ignoreEos() && tokenizer.isEndOfGeneration(id)) {
      return FinishReason.END_OF_TEXT;
    }
    boolean listed = IntStream.of(stop.tokenIds()).anyMatch(other -> other == id);
    return mayEnd && listed ? FinishReason.STOP_TOKEN : null;
  }

  private static int[] endingIds(StopSettings stop, Tokenizer tokenizer) {
    int[] ofModel = stop.ignoreEos() ? new int[0] : tokenizer.endOfGenerationIds();
    return IntStream.concat(IntStream.of(stop.tokenIds()), IntStream.of(ofModel)).toArray();
  }

  private static Optional<String> longestStopAt(String text, StopSettings stop) {
    return stop.texts().stream().filter(text::endsWith).max(comparingInt(String::length));
  }

  private static String decode(List<Integer> ids, Tokenizer tokenizer, boolean finish) {
    TextDecoder decoder = tokenizer.decoder(true);
    StringBuilder text = new StringBuilder();
    ids.forEach(id -> text.append(decoder.add(id)));
    return finish ? text.append(decoder.finish()).toString() : text.toString();
  }
}
