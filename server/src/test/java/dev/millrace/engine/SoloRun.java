package dev.millrace.engine;

import static java.util.Comparator.comparingInt;

import dev.millrace.engine.GenerationEvent.FinishReason;
import dev.millrace.request.GenerationRequest;
import dev.millrace.request.GenerationRequest.StopSettings;
import dev.millrace.tokenizer.TextDecoder;
import dev.millrace.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What a request must give, said the slow way: no blocks, no batches, no automaton; the whole
 * context is hashed and the whole text is searched again for every token.
 */
public record SoloRun(List<Integer> tokens, String text, FinishReason reason, String stopText) {

  public static SoloRun of(GenerationRequest request, Tokenizer tokenizer, int maxSequenceTokens) {
    StopSettings stop = request.stop();
    List<Integer> prompt = Arrays.stream(request.prompt()).boxed().toList();
    String echo = request.output().echoPrompt() ? decode(prompt, tokenizer, false) : "";
    int behindPrompt = decode(prompt, tokenizer, false).length();
    List<Integer> context = new ArrayList<>(prompt);
    List<Integer> tokens = new ArrayList<>();
    while (true) {
      boolean mayEnd = tokens.size() >= stop.minTokens();
      int[] forbidden = mayEnd ? new int[0] : endingIds(stop, tokenizer);
      int id = HashModel.next(context, request, forbidden, tokenizer.vocabularySize());
      tokens.add(id);
      String before = decode(context, tokenizer, false).substring(behindPrompt);
      String atEnd = decode(context, tokenizer, true).substring(behindPrompt);
      if (mayEnd && !stop.ignoreEos() && tokenizer.isEndOfGeneration(id)) {
        return new SoloRun(tokens, echo + atEnd, FinishReason.END_OF_TEXT, "");
      }
      context.add(id);
      String text = decode(context, tokenizer, false).substring(behindPrompt);
      String textAtEnd = decode(context, tokenizer, true).substring(behindPrompt);
      if (mayEnd && IntStream.of(stop.tokenIds()).anyMatch(other -> other == id)) {
        String kept = stop.includeStop() ? textAtEnd : atEnd;
        return new SoloRun(tokens, echo + kept, FinishReason.STOP_TOKEN, "");
      }
      for (int end = before.length() + 1; mayEnd && end <= text.length(); end++) {
        Optional<String> match = longestStopAt(text.substring(0, end), stop);
        if (match.isPresent()) {
          String kept = text.substring(0, stop.includeStop() ? end : end - match.get().length());
          return new SoloRun(tokens, echo + kept, FinishReason.STOP_SEQUENCE, match.get());
        }
      }
      if (context.size() == maxSequenceTokens) {
        return new SoloRun(tokens, echo + textAtEnd, FinishReason.CONTEXT_FULL, "");
      }
      if (tokens.size() == stop.maxTokens()) {
        return new SoloRun(tokens, echo + textAtEnd, FinishReason.MAX_TOKENS, "");
      }
    }
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
