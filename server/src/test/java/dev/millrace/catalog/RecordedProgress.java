package dev.millrace.catalog;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Keeps what it hears. */
final class RecordedProgress implements FetchProgress {
  final List<String> notes = new CopyOnWriteArrayList<>();
  volatile long furthest;

  @Override
  public void note(String line) {
    notes.add(line);
  }

  @Override
  public void transferred(String file, long bytes, long total) {
    furthest = Math.max(furthest, bytes);
  }
}
