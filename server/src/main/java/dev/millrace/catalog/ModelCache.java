package dev.millrace.catalog;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * The folder of downloaded models. A file appears in it whole and checked, or not at all; what is
 * under way lies in its {@code partial} folder, and stays there when it breaks off. Safe to use
 * from several threads and processes.
 */
final class ModelCache {
  /** Gets a file into the partial folder, complete and checked. */
  interface Fetcher {
    void fetch(Path partial) throws IOException, InterruptedException;
  }

  private final Path folder;
  private final FetchProgress progress;

  ModelCache(Path folder, FetchProgress progress) {
    this.folder = folder.toAbsolutePath();
    this.progress = progress;
  }

  /**
   * @param file relative to the cache's folder
   */
  Path path(String file) {
    return folder.resolve(file);
  }

  /** Whether a file is there, with the size that it should have. */
  boolean has(String file, Expected expected) {
    Path path = path(file);
    return Files.isRegularFile(path) && expected.hasSize(path.toFile().length());
  }

  /** The file's path; fetched if it isn't there yet. */
  Path get(String file, Expected expected, Fetcher fetcher)
      throws IOException, InterruptedException {
    Path path = path(file);
    if (has(file, expected)) {
      return path;
    }
    Path partials = Files.createDirectories(folder.resolve("partial"));
    Path partial = partials.resolve(file.replace("/", "--"));
    Path lock = partials.resolve(partial.getFileName() + ".lock");
    try (FetchLock _ = FetchLock.acquire(lock, progress)) {
      if (has(file, expected)) {
        return path; // whoever held the lock has fetched it
      }
      if (Files.exists(path)) {
        progress.note(path + " hasn't the size that it should have; fetching it again");
      }
      fetcher.fetch(partial);
      Files.createDirectories(path.getParent());
      Files.move(
          partial, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      progress.note("kept as " + path);
      return path;
    }
  }
}
