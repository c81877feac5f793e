package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.engine.GenerationEvent.Summary;
import dev.millrace.sampling.SampledToken;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Keeps what it is told. Has room for so many Deltas that weren't read yet. */
public final class RecordingOutlet implements Outlet {
  private final int capacity;
  private final List<GenerationEvent> events = new ArrayList<>();
  private int unread;
  private int completions;
  private final List<GenerationException> failures = new ArrayList<>();

  public RecordingOutlet(int capacity) {
    this.capacity = capacity;
  }

  /** Room for all that may come. */
  public RecordingOutlet() {
    this(Integer.MAX_VALUE);
  }

  @Override
  public synchronized boolean hasRoom() {
    return unread < capacity;
  }

  @Override
  public synchronized void emit(GenerationEvent event) {
    if (failures.size() + completions > 0) {
      return;
    }
    if (event instanceof Delta && unread++ > capacity) { // the last one finds room always
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
    return List.copyOf(events);
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
