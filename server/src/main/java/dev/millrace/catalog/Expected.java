package dev.millrace.catalog;

import dev.millrace.model.Sha256;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.OptionalLong;

/** What is known of a file before it is there. */
record Expected(OptionalLong bytes, Optional<String> sha256) {
  static final Expected UNKNOWN = new Expected(OptionalLong.empty(), Optional.empty());

  static Expected of(long bytes, String sha256) {
    return new Expected(OptionalLong.of(bytes), Optional.of(sha256));
  }

  /** Whether a file has the size, if that is known. */
  boolean hasSize(long size) {
    return bytes.isEmpty() || bytes.getAsLong() == size;
  }

  /**
   * Reads the whole file.
   *
   * @throws IOException saying what differs
   */
  void check(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        Arena arena = Arena.ofConfined()) {
      long size = channel.size();
      if (!hasSize(size)) {
        throw new IOException("has " + size + " bytes, not " + bytes.getAsLong());
      }
      if (sha256.isPresent()) {
        String actual = Sha256.of(channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena));
        if (!actual.equals(sha256.get())) {
          throw new IOException("has SHA-256 " + actual + ", not " + sha256.get());
        }
      }
    }
  }
}
