package dev.millrace.engine;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What finished sequences of conversations have left in the pool, the partly filled last block too,
 * so that the next turn need not compute it again. It is given up when blocks run out, that of the
 * session that was used least recently first.
 */
final class Sessions {
  private final Map<Long, Optional<Sequence>> open = new LinkedHashMap<>(); // least recent first

  void open(long session) {
    open.put(session, Optional.empty());
  }

  boolean isOpen(Optional<Long> session) {
    return session.isPresent() && open.containsKey(session.get());
  }

  /** Leaves an ended sequence, with its blocks, to an open session that has nothing. */
  void leave(long session, Sequence sequence) {
    open.remove(session);
    open.put(session, Optional.of(sequence));
  }

  /** What a session has. */
  @Nullable Sequence peek(Optional<Long> session) {
    return session.flatMap(id -> open.getOrDefault(id, Optional.empty())).orElse(null);
  }

  /** Takes what a session has; whoever takes it lets go of its blocks. */
  @Nullable Sequence take(Optional<Long> session) {
    Sequence left = peek(session);
    if (left != null) {
      open.put(session.orElseThrow(), Optional.empty());
    }
    return left;
  }

  @Nullable Sequence close(long session) {
    Sequence left = take(Optional.of(session));
    open.remove(session);
    return left;
  }

  /** Takes what was left longest ago, or null if there is nothing. */
  @Nullable Sequence takeOldest() {
    for (Map.Entry<Long, Optional<Sequence>> entry : open.entrySet()) {
      Optional<Sequence> left = entry.getValue();
      if (left.isPresent()) {
        entry.setValue(Optional.empty());
        return left.get();
      }
    }
    return null;
  }

  void forEach(Consumer<Sequence> action) {
    open.values().forEach(left -> left.ifPresent(action));
  }
}
