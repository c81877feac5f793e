package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Usage;
import dev.millrace.request.GenerationRequest;
import dev.millrace.request.GenerationRequest.Priority;
import dev.millrace.request.GenerationRequest.ResumePoint;
import dev.millrace.tokenizer.Tokenizer;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;

/**
 * One request in the engine: a sequence for each of its candidates, one outlet and one life for all
 * of them. Owned by the engine's thread, but for the signals at the end.
 */
final class Generation {
  private final long id;
  private final GenerationRequest request;
  private final Outlet outlet;
  private final Lifetime lifetime;
  private final List<Sequence> candidates;
  private final PromptTokens promptTokens;

  private boolean holdsPlace = true; // one of the queue's, until any of its sequences starts
  private boolean promptTold;
  private int promptRead;
  private int cachedTokens;
  private int preemptions;
  private int unended;

  private final AtomicBoolean cancelSignal = new AtomicBoolean();
  private final AtomicBoolean interruptSignal = new AtomicBoolean();
  private final AtomicBoolean demandSignal = new AtomicBoolean();
  private final AtomicBoolean ended = new AtomicBoolean();

  /**
   * @param maxSequenceTokens tokens, prompt and output together, that one sequence can have
   */
  Generation(
      long id,
      GenerationRequest request,
      Outlet outlet,
      Lifetime lifetime,
      Tokenizer tokenizer,
      int maxSequenceTokens) {
    this.id = id;
    this.request = request;
    this.outlet = outlet;
    this.lifetime = lifetime;
    int prompt = request.prompt().length;
    int most = (int) Math.min(maxSequenceTokens, (long) prompt + request.stop().maxTokens());
    this.candidates =
        IntStream.range(0, request.candidateCount())
            .mapToObj(
                candidate ->
                    new Sequence(
                        this,
                        candidate,
                        new Completion(request, candidate, tokenizer, maxSequenceTokens - prompt),
                        most))
            .toList();
    this.unended = candidates.size();
    this.promptTokens = new PromptTokens(request);
  }

  long id() {
    return id;
  }

  GenerationRequest request() {
    return request;
  }

  Priority priority() {
    return request.scheduling().priority();
  }

  String caller() {
    return request.scheduling().caller();
  }

  Outlet outlet() {
    return outlet;
  }

  Lifetime lifetime() {
    return lifetime;
  }

  List<Sequence> candidates() {
    return candidates;
  }

  PromptTokens promptTokens() {
    return promptTokens;
  }

  /** Whether this was the last of its sequences to end. */
  boolean endOne() {
    return --unended == 0;
  }

  boolean hasEnded() {
    return unended == 0;
  }

  /** Gives up the queue's place; returns whether it had one. */
  boolean leaveQueue() {
    boolean had = holdsPlace;
    holdsPlace = false;
    return had;
  }

  boolean holdsPlace() {
    return holdsPlace;
  }

  /** So many of the prompt's tokens are in the KV pool for one of its sequences. */
  void promptRead(int tokens) {
    promptRead = Math.max(promptRead, Math.min(tokens, request.prompt().length));
  }

  /** So many of them were there before anything was computed for it. */
  void foundCached(int tokens) {
    cachedTokens = Math.min(tokens, request.prompt().length);
  }

  void countPreemption() {
    preemptions++;
  }

  /**
   * Whether the caller of a resumed request has been told the end of a candidate that ends with the
   * tokens that it gives back. Those without tokens have ended one behind another. Of several with
   * tokens it can't be known whose ends have arrived: all are told again.
   */
  boolean endIsTold(Sequence ended) {
    ResumePoint point = request.resume().orElse(null);
    if (point == null
        || point.afterSequenceNumber().isEmpty()
        || point.hasTokens() && candidates.size() > 1) {
      return false;
    }
    long events = request.promptEvents();
    for (Sequence sequence : candidates.subList(0, ended.candidate() + 1)) {
      events += sequence.completion().eventsOfKnownTokens();
    }
    return point.afterSequenceNumber().get() >= events;
  }

  /** Tells that the prompt has been read, once. */
  void tellPrompt() {
    if (!promptTold) {
      promptTold = true;
      promptTokens.take(cachedTokens).forEach(outlet::emit);
    }
  }

  /** What was computed for it so far. */
  Usage usage() {
    return usage(promptRead);
  }

  /** Of one that ended well: all of the prompt counts, though it may not have been needed. */
  Usage fullUsage() {
    return usage(request.prompt().length);
  }

  private Usage usage(int promptTokens) {
    int completionTokens = 0;
    for (Sequence sequence : candidates) {
      completionTokens += sequence.completion().count();
    }
    return new Usage(promptTokens, cachedTokens, completionTokens, preemptions);
  }

  /** Set by any thread, taken by the engine's: at most one of each kind is under way. */
  AtomicBoolean cancelSignal() {
    return cancelSignal;
  }

  AtomicBoolean interruptSignal() {
    return interruptSignal;
  }

  AtomicBoolean demandSignal() {
    return demandSignal;
  }

  /** Whoever gets true, and only it, tells the outlet the end; from any thread. */
  boolean claimEnd() {
    return ended.compareAndSet(false, true);
  }
}
