package dev.millrace.pipeline;

import dev.millrace.engine.Engine;
import dev.millrace.engine.EngineSnapshot;
import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.engine.GenerationEvent.Usage;
import dev.millrace.engine.GenerationException;
import dev.millrace.engine.GenerationException.Reason;
import dev.millrace.engine.Outlet;
import dev.millrace.request.GenerationRequest;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Emits as many Deltas as a request's maxTokens says, their texts counting down to 0, from a thread
 * of its own, whenever the outlet has room. With 0, it refuses.
 */
final class ScriptedEngine implements Engine {
  private static final class Script {
    private final Outlet outlet;
    private long left;

    Script(Outlet outlet, long left) {
      this.outlet = outlet;
      this.left = left;
    }
  }

  private final ExecutorService thread = Executors.newSingleThreadExecutor();
  private final Map<Long, Script> scripts = new ConcurrentHashMap<>();
  private final AtomicLong ids = new AtomicLong();

  @Override
  public long submit(GenerationRequest request, Outlet outlet) {
    long id = ids.incrementAndGet();
    int deltas = request.stop().maxTokens();
    if (deltas == 0) {
      outlet.fail(
          new GenerationException(Reason.QUEUE_FULL, "no place", Usage.NONE, Optional.empty()));
    } else {
      scripts.put(id, new Script(outlet, deltas));
      thread.execute(() -> pump(id));
    }
    return id;
  }

  private void pump(long id) {
    Script script = scripts.get(id);
    while (script != null && script.left > 0 && script.outlet.room() > 0) {
      script.outlet.emit(new Delta(0, Long.toString(--script.left), List.of()));
      if (script.left == 0) {
        scripts.remove(id);
        script.outlet.complete();
      }
    }
  }

  @Override
  public void cancel(long id) {
    scripts.remove(id);
  }

  @Override
  public void interrupt(long id) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long openSession() {
    throw new UnsupportedOperationException();
  }

  @Override
  public void closeSession(long session) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void demandChanged(long id) {
    thread.execute(() -> pump(id));
  }

  @Override
  public int maxSequenceTokens() {
    return Integer.MAX_VALUE;
  }

  @Override
  public EngineSnapshot snapshot() {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean isAlive() {
    return true;
  }

  @Override
  public void drain() {}

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
