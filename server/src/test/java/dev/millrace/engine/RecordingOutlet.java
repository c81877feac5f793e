package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.engine.GenerationEvent.Summary;
import dev.millrace.sampling.SampledToken;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Keeps what it is told. Has room for so many Deltas that weren't read yet. */
public final class RecordingOutlet implements Outlet {
  private final int capacity;
  private final int candidates;
  private final List<GenerationEvent> events = new ArrayList<>();
  private final List<GenerationEvent> before = new ArrayList<>();
  private int unread;
  private int completions;
  private final List<GenerationException> failures = new ArrayList<>();

  public RecordingOutlet(int capacity) {
    this(capacity, 1);
  }

  /**
   * @param candidates of the request: each may bring one Delta more, at its end
   */
  public RecordingOutlet(int capacity, int candidates) {
    this.capacity = capacity;
    this.candidates = candidates;
  }

  /** Room for all that may come. */
  public RecordingOutlet() {
    this(Integer.MAX_VALUE);
  }

  /** What it is told goes behind what came from elsewhere, which has the first two events. */
  synchronized void isBehind(List<GenerationEvent> had) {
    before.addAll(had);
  }

  /** Those that it was told itself. */
  synchronized List<GenerationEvent> freshEvents() {
    return List.copyOf(events);
  }

  @Override
  public synchronized int room() {
    return capacity - unread;
  }

  @Override
  public synchronized void emit(GenerationEvent event) {
    if (failures.size() + completions > 0) {
      return;
    }
    if (event instanceof Delta && unread++ >= (long) capacity + candidates) {
      throw new IllegalStateException("a Delta came without room");
    }
    events.add(event);
  }

  @Override
  public synchronized void complete() {
    completions++;
  }

  @Override
  public synchronized void fail(GenerationException failure) {
    failures.add(failure);
  }

  /** Makes room for so many Deltas; returns whether there was none before, and now is. */
  public synchronized boolean read(int count) {
    boolean wasFull = unread >= capacity;
    unread = Math.max(0, unread - count);
    return wasFull && unread < capacity;
  }

  public synchronized List<GenerationEvent> events() {
    List<GenerationEvent> all = new ArrayList<>(before);
    events.stream().filter(event -> candidates == 1 || !isToldAgain(event)).forEach(all::add);
    return all;
  }

  /** Of several candidates, the ends come again, and a text without tokens. */
  private boolean isToldAgain(GenerationEvent event) {
    return switch (event) {
      case Delta delta ->
          had(Finished.class, other -> other.candidate() == delta.candidate())
              || had(
                  Delta.class,
                  other -> other.candidate() == delta.candidate() && other.tokens().isEmpty());
      case Finished finished ->
          had(Finished.class, other -> other.candidate() == finished.candidate());
      default -> false;
    };
  }

  private <T> boolean had(Class<T> kind, Predicate<T> which) {
    return before.stream().filter(kind::isInstance).map(kind::cast).anyMatch(which);
  }

  public synchronized int ends() {
    return completions + failures.size();
  }

  public synchronized boolean hasEnded() {
    return ends() > 0;
  }

  public synchronized Optional<GenerationException> failure() {
    return failures.stream().findFirst();
  }

  public String text() {
    StringBuilder text = new StringBuilder();
    deltas().forEach(delta -> text.append(delta.text()));
    return text.toString();
  }

  public List<Integer> tokens() {
    return deltas().flatMap(delta -> delta.tokens().stream()).map(SampledToken::id).toList();
  }

  public Stream<Delta> deltas() {
    return only(Delta.class);
  }

  public List<Integer> tokens(int candidate) {
    return deltas()
        .filter(delta -> delta.candidate() == candidate)
        .flatMap(delta -> delta.tokens().stream())
        .map(SampledToken::id)
        .toList();
  }

  public String text(int candidate) {
    StringBuilder text = new StringBuilder();
    deltas()
        .filter(delta -> delta.candidate() == candidate)
        .forEach(delta -> text.append(delta.text()));
    return text.toString();
  }

  public Optional<Finished> finished(int candidate) {
    return only(Finished.class).filter(event -> event.candidate() == candidate).findFirst();
  }

  public Optional<Finished> finished() {
    return only(Finished.class).findFirst();
  }

  public Optional<Summary> summary() {
    return only(Summary.class).findFirst();
  }

  private <T> Stream<T> only(Class<T> kind) {
    return events().stream().filter(kind::isInstance).map(kind::cast);
  }
}
