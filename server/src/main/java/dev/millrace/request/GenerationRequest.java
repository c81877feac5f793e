package dev.millrace.request;

import dev.millrace.grammar.machine.CompiledFormat;
import dev.millrace.grammar.machine.Constraint;
import dev.millrace.grammar.machine.TokenTrie;
import dev.millrace.sampling.SamplingSettings;
import dev.millrace.tokenizer.Tokenizer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A valid request, tokenized, with every default filled in. What the engine works on.
 *
 * @param requestId the caller's, or one that we made; never empty
 * @param prompt token ids, at least one
 * @param stop when to end
 * @param output what to tell besides text
 * @param format that the output obeys
 * @param candidateCount independent continuations, 1 to {@link Limits#MAX_CANDIDATES}
 * @param scheduling whose it is, how urgent, and what it may share
 * @param resume where to go on, for a stream taken up again
 * @param maxQueueTime longest wait for being started
 * @param deadlineNanos of the call, in {@link System#nanoTime}'s terms
 */
public record GenerationRequest(
    String requestId,
    int[] prompt,
    SamplingSettings sampling,
    StopSettings stop,
    OutputSettings output,
    Optional<CompiledFormat> format,
    int candidateCount,
    SchedulingSettings scheduling,
    Optional<ResumePoint> resume,
    Optional<Duration> maxQueueTime,
    Optional<Long> deadlineNanos) {

  /** How many PromptProcessed its stream has. */
  public int promptEvents() {
    return output.promptEvents(prompt.length);
  }

  /**
   * Whether the prompt's tokens are told with log-probabilities or candidates: then each of its
   * positions has to be computed, whatever a cache holds, and wants a row of logits.
   */
  public boolean wantsPromptLogprobs() {
    boolean asked = output.promptTokens() && (output.logprobs() || output.topCandidates() > 0);
    Optional<Long> after = resume.flatMap(ResumePoint::afterSequenceNumber);
    return asked && after.map(number -> number < promptEvents()).orElse(true);
  }

  /**
   * The format's constraint on one candidate. What ends the output may come where it is complete,
   * unless it is a token of text: those have to fit in.
   */
  public Optional<Constraint> constraint(Tokenizer tokenizer) {
    return format.map(
        compiled ->
            compiled.begin(
                IntStream.of(stop.endingIds(tokenizer))
                    .filter(id -> !TokenTrie.isText(tokenizer, id))
                    .toArray()));
  }

  /**
   * @param maxTokens new tokens at most; fixed on admission, so always given here
   * @param minTokens until this many, ids that end the output can't be drawn and stop texts don't
   *     count
   * @param texts that end the output, also when they span tokens
   * @param tokenIds that end the output besides the model's own
   * @param includeStop emit the stop text or token's text too
   * @param ignoreEos go on past end-of-generation tokens
   * @param timeLimit ends the output with what there is, counted from admission
   */
  public record StopSettings(
      int maxTokens,
      int minTokens,
      List<String> texts,
      int[] tokenIds,
      boolean includeStop,
      boolean ignoreEos,
      Optional<Duration> timeLimit) {

    /** All ids that end the output, ascending. */
    public int[] endingIds(Tokenizer tokenizer) {
      IntStream own = ignoreEos ? IntStream.empty() : IntStream.of(tokenizer.endOfGenerationIds());
      return IntStream.concat(IntStream.of(tokenIds), own).sorted().distinct().toArray();
    }
  }

  /**
   * @param tokens send each token's bytes
   * @param promptTokens the same of the prompt's
   * @param logprobs send each token's log-probability and rank
   * @param processedLogprobs of the distribution that was drawn from; else of the model's own
   * @param topCandidates how many of the likeliest tokens to send, 0 to 20
   * @param tokensPerEvent send text every so many tokens, at least 1
   * @param onlyChoosable of the likeliest tokens those only that may come next
   */
  public record OutputSettings(
      boolean tokens,
      boolean promptTokens,
      boolean logprobs,
      boolean processedLogprobs,
      int topCandidates,
      boolean echoPrompt,
      int tokensPerEvent,
      boolean onlyChoosable) {
    /** How many PromptProcessed tell a prompt of so many tokens. */
    int promptEvents(int promptLength) {
      return promptTokens ? Math.ceilDiv(promptLength, Limits.TOKENS_PER_PROMPT_EVENT) : 1;
    }
  }

  /** In rising order. */
  public enum Priority {
    BATCH,
    NORMAL,
    INTERACTIVE
  }

  /**
   * @param caller who is served: within a priority, callers get equal shares
   * @param cacheSalt prefixes are shared within one salt only; empty is the one of all without
   * @param session of the engine, whose blocks it goes on from and leaves its own to
   */
  public record SchedulingSettings(
      Priority priority, String caller, String cacheSalt, Optional<Long> session) {
    public static final SchedulingSettings DEFAULT =
        new SchedulingSettings(Priority.NORMAL, "", "", Optional.empty());

    public SchedulingSettings withCaller(String value) {
      return new SchedulingSettings(priority, value, cacheSalt, session);
    }

    public SchedulingSettings withSession(long id) {
      return new SchedulingSettings(priority, caller, cacheSalt, Optional.of(id));
    }
  }

  /** The same request, scheduled in another way. */
  public GenerationRequest with(SchedulingSettings other) {
    return with(stop, output, candidateCount, other, resume);
  }

  /** The same request, its output beginning with tokens that were generated before. */
  public GenerationRequest behind(int[] known) {
    return with(stop, output, candidateCount, scheduling, ResumePoint.behind(known));
  }

  /** The same request without the prompt in its output. */
  public GenerationRequest withoutEcho() {
    OutputSettings bare =
        new OutputSettings(
            output.tokens(),
            output.promptTokens(),
            output.logprobs(),
            output.processedLogprobs(),
            output.topCandidates(),
            false,
            output.tokensPerEvent(),
            output.onlyChoosable());
    return with(stop, bare, candidateCount, scheduling, resume);
  }

  /**
   * The same request for one token behind the known ones, told with the likeliest candidates of
   * those that may come there.
   *
   * @param candidates at most {@link Limits#MAX_TOP_CANDIDATES}
   */
  public GenerationRequest forOneToken(int[] known, int candidates) {
    int count = known.length + 1;
    StopSettings one =
        new StopSettings(
            count,
            Math.min(stop.minTokens(), count),
            List.of(),
            stop.tokenIds(),
            false,
            stop.ignoreEos(),
            Optional.empty());
    OutputSettings shown =
        new OutputSettings(
            true, false, true, output.processedLogprobs(), candidates, false, 1, true);
    return with(one, shown, 1, scheduling, ResumePoint.behind(known));
  }

  private GenerationRequest with(
      StopSettings stop,
      OutputSettings output,
      int candidateCount,
      SchedulingSettings scheduling,
      Optional<ResumePoint> resume) {
    return new GenerationRequest(
        requestId,
        prompt,
        sampling,
        stop,
        output,
        format,
        candidateCount,
        scheduling,
        resume,
        maxQueueTime,
        deadlineNanos);
  }

  /**
   * @param candidates for each, the tokens that were generated before and are known to the caller;
   *     those that are missing at the end have none
   * @param afterSequenceNumber of a broken stream, the last event that the caller has; of output
   *     that begins a stream of its own, none
   */
  public record ResumePoint(List<int[]> candidates, Optional<Long> afterSequenceNumber) {
    private static final int[] NONE = {};

    private static Optional<ResumePoint> behind(int[] known) {
      return Optional.of(new ResumePoint(List.of(known), Optional.empty()));
    }

    public boolean hasTokens() {
      return candidates.stream().anyMatch(tokens -> tokens.length > 0);
    }

    public int[] tokens(int candidate) {
      return candidate < candidates.size() ? candidates.get(candidate) : NONE;
    }
  }
}
