package dev.millrace.catalog;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;

/**
 * Reads a stream that may fall silent: it is closed from outside when nothing has come for a while,
 * because java.net.http waits for a body without end.
 */
final class StallGuard implements AutoCloseable {
  private final InputStream stream;
  private final Duration limit;
  private final Thread watch;
  private volatile long lastProgress = System.nanoTime();
  private volatile boolean stalled;

  StallGuard(InputStream stream, Duration limit) {
    this.stream = stream;
    this.limit = limit;
    this.watch = Thread.ofVirtual().name("stall-guard").start(this::watch);
  }

  /** As the stream's own read. */
  int read(byte[] buffer) throws IOException {
    try {
      int count = stream.read(buffer);
      lastProgress = System.nanoTime();
      return count;
    } catch (IOException e) {
      throw stalled ? new IOException("nothing came for " + limit.toMillis() + " ms", e) : e;
    }
  }

  private void watch() {
    try {
      while (true) {
        long left = limit.toNanos() - (System.nanoTime() - lastProgress);
        if (left <= 0) {
          stalled = true;
          stream.close();
          return;
        }
        Thread.sleep(Duration.ofNanos(left));
      }
    } catch (InterruptedException e) {
      // Read to its end: nothing left to watch.
    } catch (IOException e) {
      throw new IllegalStateException("a response's body can't be closed", e);
    }
  }

  @Override
  public void close() {
    watch.interrupt();
  }
}
