package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.engine.GenerationEvent.FinishReason;
import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.grammar.machine.Constraint;
import dev.millrace.request.GenerationRequest;
import dev.millrace.request.GenerationRequest.ResumePoint;
import dev.millrace.request.GenerationRequest.StopSettings;
import dev.millrace.sampling.SampledToken;
import dev.millrace.tokenizer.TextDecoder;
import dev.millrace.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The output side of a sequence: how many tokens were generated, the text that they make, when they
 * end, and what of them goes into one event.
 *
 * <p>Events are cut by the count of tokens alone: a Delta behind every tokensPerEvent-th token,
 * with the text that is ready then, and one at the end with what is left. So a stream that is taken
 * up again behind any Delta goes on with the very events that the first one would have had.
 */
public final class Completion {
  private final int candidate;
  private final StopSettings stop;
  private final Tokenizer tokenizer;
  private final int tokensPerEvent;
  private final int tokensThatFit;
  private final int[] stopIds; // ascending
  private final int[] endingIds; // all that end the output, ascending
  private final @Nullable Constraint constraint;
  private final TextAssembler text;
  private final List<SampledToken> unsent = new ArrayList<>();
  private int count;
  private int eventsOfKnownTokens;
  private @Nullable FinishReason reason;

  /**
   * @param candidate which of the request's continuations
   * @param tokensThatFit behind the prompt, before the context or the pool is full
   */
  public Completion(
      GenerationRequest request, int candidate, Tokenizer tokenizer, int tokensThatFit) {
    this.candidate = candidate;
    this.stop = request.stop();
    this.tokenizer = tokenizer;
    this.tokensPerEvent = request.output().tokensPerEvent();
    this.tokensThatFit = tokensThatFit;
    this.stopIds = IntStream.of(stop.tokenIds()).sorted().toArray();
    this.endingIds = stop.endingIds(tokenizer);
    this.constraint = request.constraint(tokenizer).orElse(null);
    boolean echo = request.output().echoPrompt();
    TextDecoder decoder = echo ? tokenizer.wholeTextDecoder(true) : tokenizer.decoder(true);
    String promptText = read(request.prompt(), decoder);
    this.text = new TextAssembler(decoder, stop.texts(), stop.includeStop());
    if (echo) {
      text.prepend(promptText);
    }
    if (stop.maxTokens() == 0 && !request.wantsPromptLogprobs()) {
      end(FinishReason.MAX_TOKENS);
    } else if (constraint != null && constraint.isComplete()) { // only the empty text obeys it
      end(FinishReason.FORMAT_COMPLETE);
    }
    request.resume().ifPresent(point -> replay(point, request));
  }

  /**
   * Shows the prompt to the decoder: its last bytes may begin a character, and a first generated
   * token isn't the first of the text.
   */
  private static String read(int[] prompt, TextDecoder decoder) {
    StringBuilder text = new StringBuilder();
    for (int id : prompt) {
      text.append(decoder.add(id));
    }
    return text.toString();
  }

  /** Goes through what the caller has, telling nothing of it again. */
  private void replay(ResumePoint point, GenerationRequest request) {
    int[] known = point.tokens(candidate);
    for (int i = 0; i < known.length && reason == null; i++) {
      judge(known[i]);
      text.take();
    }
    boolean inOrder = request.candidateCount() == 1 || !point.hasTokens();
    point
        .afterSequenceNumber()
        .ifPresent(number -> replayEnd(number - request.promptEvents(), inOrder));
  }

  /**
   * Goes through what the caller has besides tokens: an end, and text that came alone before it.
   *
   * @param events that the caller has behind the prompt's
   * @param inOrder whether they are one candidate's, or those of candidates without tokens, which
   *     ended one behind another; else none of them can be told from another candidate's
   */
  private void replayEnd(long events, boolean inOrder) {
    int deltas = Math.ceilDiv(count, tokensPerEvent);
    boolean hasPart = count % tokensPerEvent != 0; // in a Delta that only an end brings
    boolean hasMore = inOrder && events > deltas;
    if (reason == null && stop.timeLimit().isPresent() && (hasPart || hasMore)) {
      end(FinishReason.TIME_LIMIT); // no other end comes elsewhere than behind a token
      if (hasPart) {
        text.take();
      }
    }
    boolean textAlone = reason != null && text.hasReady();
    eventsOfKnownTokens = deltas + (textAlone ? 1 : 0) + (reason != null ? 1 : 0);
    long others = (long) candidate * eventsOfKnownTokens; // of those before it, if there are any
    if (textAlone && events > others + deltas) {
      text.take();
    }
  }

  /** Takes a generated token; {@link #reason} says afterwards whether it was the last. */
  public void accept(SampledToken token) {
    unsent.add(token);
    judge(token.id());
  }

  private void judge(int id) {
    boolean mayEnd = count >= stop.minTokens();
    count++;
    if (constraint != null) {
      constraint.accept(id);
    }
    if (mayEnd && !stop.ignoreEos() && tokenizer.isEndOfGeneration(id)) {
      end(FinishReason.END_OF_TEXT);
    } else if (mayEnd && Arrays.binarySearch(stopIds, id) >= 0) {
      if (stop.includeStop()) {
        text.add(id, false);
      }
      end(FinishReason.STOP_TOKEN);
    } else if (text.add(id, mayEnd)) {
      reason = FinishReason.STOP_SEQUENCE; // bytes behind the stop are dropped
    } else if (constraint != null && constraint.isComplete()) {
      end(FinishReason.FORMAT_COMPLETE);
    } else if (count >= tokensThatFit) {
      end(FinishReason.CONTEXT_FULL);
    } else if (count >= stop.maxTokens()) {
      end(FinishReason.MAX_TOKENS);
    }
  }

  /** Ends the output with what there is. */
  public void end(FinishReason why) {
    reason = why;
    text.finish();
  }

  /** Why the output ended, or null while it goes on. */
  public @Nullable FinishReason reason() {
    return reason;
  }

  /** Generated tokens, those that the caller gave back included. */
  int count() {
    return count;
  }

  /** Ids that can't be drawn next; not to be changed. */
  public int[] forbiddenIds() {
    return lookahead().forbiddenIds();
  }

  /** Whether its format allows a token next. */
  public boolean allows(int id) {
    return constraint == null || constraint.allows(id);
  }

  /** What may be drawn next, and behind that. */
  Lookahead lookahead() {
    return new Lookahead(
        stop.minTokens() - count, endingIds, constraint == null ? null : constraint.copy());
  }

  /** How many tokens more it takes to bring so many Deltas. */
  long tokensFor(int deltas) {
    return (long) deltas * tokensPerEvent - count % tokensPerEvent;
  }

  /** How many Deltas so many tokens more bring, if it doesn't end. */
  int deltasFor(int tokens) {
    return (count % tokensPerEvent + tokens) / tokensPerEvent;
  }

  /**
   * Of a broken stream: events that tell the tokens given back and, if they were the last ones,
   * their end. A Delta of text alone may come before that: an echo, or what a time limit lets out.
   */
  int eventsOfKnownTokens() {
    return eventsOfKnownTokens;
  }

  /** The event that is due now, if one is. */
  public Optional<Delta> takeDelta() {
    boolean due =
        reason == null
            ? !unsent.isEmpty() && count % tokensPerEvent == 0
            : !unsent.isEmpty() || text.hasReady();
    if (!due) {
      return Optional.empty();
    }
    Delta delta = new Delta(candidate, text.take(), List.copyOf(unsent));
    unsent.clear();
    return Optional.of(delta);
  }

  public Finished finished() {
    return new Finished(candidate, Objects.requireNonNull(reason), text.stopText(), count);
  }
}
