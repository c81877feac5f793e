package dev.millrace.catalog;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Held by whoever fetches a file, against other threads and processes. The system lets go of it
 * when its process dies; the lock's file stays.
 */
final class FetchLock implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofHours(2);
  private static final Duration POLL = Duration.ofMillis(100);

  private final FileChannel channel;

  private FetchLock(FileChannel channel) {
    this.channel = channel;
  }

  /** Waits until nobody else holds it. */
  static FetchLock acquire(Path file, FetchProgress progress)
      throws IOException, InterruptedException {
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    boolean acquired = false;
    try {
      long deadline = System.nanoTime() + LIMIT.toNanos();
      for (int polls = 0; tryLock(channel) == null; polls++) {
        if (polls == 0) {
          progress.note("another process is fetching it (" + file + "); waiting");
        }
        if (System.nanoTime() - deadline > 0) {
          throw new IOException(file + " is held by another process for too long");
        }
        Thread.sleep(POLL);
      }
      acquired = true;
      return new FetchLock(channel);
    } finally {
      if (!acquired) {
        channel.close();
      }
    }
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null; // another thread of ours
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
